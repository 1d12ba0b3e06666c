package io.tandem.training;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import java.nio.charset.StandardCharsets;

/**
 * What must be the same for a training to continue: all but how long it goes on, and what becomes
 * of it later.
 */
final class Fingerprint {
  private Fingerprint() {}

  static String of(ModelSpec spec, Dataset dataset) {
    Hasher hasher = Hashing.murmur3_128().newHasher();
    SpecReader.write(spec)
        .lines()
        .takeWhile(line -> !line.equals("rebuild:"))
        .filter(
            line ->
                !line.strip().matches("(epochs|patience|checkpoint_every|devices?|precision): .*"))
        .forEach(line -> hasher.putString(line, StandardCharsets.UTF_8));
    Interactions train = dataset.split().train();
    hasher.putInt(dataset.itemKeys().size()).putInt(dataset.queryKeys().size());
    for (int query = 0; query < train.queries(); query++) {
      hasher.putInt(train.end(query));
    }
    for (int position = 0; position < train.size(); position++) {
      hasher.putInt(train.item(position));
    }
    return hasher.hash().toString();
  }
}
