package io.tandem.feature;

import com.google.common.hash.HashFunction;
import com.google.common.hash.Hashing;
import io.tandem.config.FeatureSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Words: every n-gram of 1 to {@code ngrams} words of the lower-cased text, hashed (murmur3) to a
 * row. Words are runs of letters and digits of any script.
 */
record TextEncoder(FeatureSpec.Text spec, InputSchema.TableShape table) implements Encoder {
  private static final Pattern BETWEEN_WORDS = Pattern.compile("[^\\p{L}\\p{N}]+");
  private static final HashFunction HASH = Hashing.murmur3_32_fixed();

  @Override
  public int denseWidth() {
    return 0;
  }

  @Override
  public InputSchema.Slot slot() {
    return Encoder.slot(spec.name(), table, FeatureSpec.Pooling.MEAN);
  }

  @Override
  public void encode(FeatureValues values, FeatureBatch target, int slot) {
    String text = values.text(spec.column());
    if (text != null) {
      List<String> words = words(text);
      for (int first = 0; first < words.size(); first++) {
        StringBuilder gram = new StringBuilder();
        for (int n = 0; n < spec.ngrams() && first + n < words.size(); n++) {
          gram.append(n == 0 ? "" : " ").append(words.get(first + n));
          int hash = HASH.hashString(gram, StandardCharsets.UTF_8).asInt();
          target.add(slot, Integer.remainderUnsigned(hash, spec.buckets()));
        }
      }
    }
    target.endSlot(slot);
  }

  @Override
  public boolean knows(FeatureValues values) {
    String text = values.text(spec.column());
    return text != null && !text.isBlank();
  }

  private static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    for (String word : BETWEEN_WORDS.split(text.toLowerCase(Locale.ROOT), 0)) {
      if (!word.isEmpty()) {
        words.add(word);
      }
    }
    return words;
  }
}
