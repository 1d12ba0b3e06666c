package io.tandem.feature;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.tandem.config.FeatureSpec;
import io.tandem.config.FeaturesSpec;
import io.tandem.data.DataException;
import io.tandem.data.KeyTable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the encoders learned, as {@code features.json} holds it; vocabularies lie in files beside
 * it.
 *
 * @param timeColumn the interactions' time column
 * @param newest seconds since 1970 of the newest training event
 * @param statistics of numeric features, by {@code side.feature}
 * @param vocabularies by {@code side.feature}
 */
record FeaturesState(
    int format,
    FeaturesSpec spec,
    Set<String> queryKeys,
    Set<String> itemKeys,
    @Nullable String timeColumn,
    long newest,
    Map<String, NumericEncoder.Statistics> statistics,
    Map<String, VocabularyFile> vocabularies) {
  static final int FORMAT = 1;
  private static final String FILE = "features.json";
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .addMixIn(FeatureSpec.class, ByType.class)
          .build();

  /** Where a vocabulary lies. */
  record VocabularyFile(String file, int values, int oovBuckets) {}

  /** How JSON tells the kinds of features apart. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
  @JsonSubTypes({
    @JsonSubTypes.Type(value = FeatureSpec.Id.class, name = "id"),
    @JsonSubTypes.Type(value = FeatureSpec.Bag.class, name = "bag"),
    @JsonSubTypes.Type(value = FeatureSpec.Sequence.class, name = "sequence"),
    @JsonSubTypes.Type(value = FeatureSpec.Numeric.class, name = "numeric"),
    @JsonSubTypes.Type(value = FeatureSpec.Text.class, name = "text"),
    @JsonSubTypes.Type(value = FeatureSpec.Timestamp.class, name = "timestamp")
  })
  private interface ByType {}

  /** Names a file for each vocabulary. */
  static Map<String, VocabularyFile> files(Map<String, Vocabulary> vocabularies) {
    Map<String, VocabularyFile> files = new TreeMap<>();
    for (String name : new TreeMap<>(vocabularies).keySet()) {
      Vocabulary vocabulary = vocabularies.get(name);
      if (vocabulary != null) {
        files.put(
            name,
            new VocabularyFile(
                "vocabulary-" + files.size() + ".keys",
                vocabulary.values().size(),
                vocabulary.oovBuckets()));
      }
    }
    return files;
  }

  static void write(FeaturesState state, Map<String, Vocabulary> vocabularies, Path folder) {
    try {
      Files.writeString(folder.resolve(FILE), JSON.writeValueAsString(state) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + folder.resolve(FILE), e);
    }
    state
        .vocabularies()
        .forEach(
            (name, file) -> {
              Vocabulary vocabulary = vocabularies.get(name);
              if (vocabulary != null) {
                vocabulary.values().write(folder.resolve(file.file()));
              }
            });
  }

  static FeaturesState read(Path folder) {
    Path file = folder.resolve(FILE);
    try {
      FeaturesState state = JSON.readValue(Files.readString(file), FeaturesState.class);
      if (state.format() != FORMAT) {
        throw new DataException(
            "%s: format %d, expected %d".formatted(file, state.format(), FORMAT));
      }
      return state;
    } catch (JsonProcessingException e) {
      throw new DataException(
          file + ": not the encoders' description: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw DataException.unreadable(file, e);
    }
  }

  static Map<String, Vocabulary> openVocabularies(FeaturesState state, Path folder) {
    Map<String, Vocabulary> vocabularies = new LinkedHashMap<>();
    state
        .vocabularies()
        .forEach(
            (name, file) -> {
              if (!file.file().matches("vocabulary-[0-9]+\\.keys")) {
                throw new DataException(
                    "%s: vocabulary file %s, expected vocabulary-N.keys"
                        .formatted(folder.resolve(FILE), file.file()));
              }
              Path path = folder.resolve(file.file());
              KeyTable values = KeyTable.open(path);
              if (values.size() != file.values() || file.oovBuckets() < 1) {
                throw new DataException(
                    "%s: %d values, expected %d".formatted(path, values.size(), file.values()));
              }
              vocabularies.put(name, new Vocabulary(values, file.oovBuckets()));
            });
    return vocabularies;
  }
}
