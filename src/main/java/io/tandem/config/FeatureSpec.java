package io.tandem.config;

import java.util.List;

/**
 * One input of a tower.
 *
 * <p>A feature reads one column of its side's table; {@code name} is that column unless {@code
 * column} says otherwise. Missing values and values never seen in training are legal everywhere.
 */
public sealed interface FeatureSpec {
  /** Unique on its side. */
  String name();

  /**
   * A single category, the entity's own key included: one embedding row per value.
   *
   * @param dim width of the embedding
   * @param minCount values rarer than this in training share the out-of-vocabulary rows
   * @param oovBuckets rows for values out of the vocabulary, chosen by hash; at least 1
   */
  record Id(String name, String column, int dim, int minCount, int oovBuckets)
      implements FeatureSpec {}

  /**
   * Several categories at once, such as genres: the pooled embeddings of its values.
   *
   * @param separator between values in a text column; list columns need none
   */
  record Bag(
      String name,
      String column,
      String separator,
      int dim,
      int minCount,
      int oovBuckets,
      Pooling pooling)
      implements FeatureSpec {}

  /**
   * The items that the query touched before, oldest first, cut to the last {@code maxLength}. It
   * shares vocabulary and embedding table of the item feature {@code of}.
   *
   * @param of name of an {@link Id} feature of the item side whose column is the item's key
   */
  record Sequence(String name, String of, int maxLength, Pooling pooling) implements FeatureSpec {}

  /**
   * A number. {@code BUCKETIZE} gives an embedding of {@code dim} for each of {@code buckets}
   * quantile buckets; the other transforms give the number itself and, where training data had
   * missing values, a flag that says so.
   */
  record Numeric(String name, String column, Transform transform, int buckets, int dim)
      implements FeatureSpec {}

  /**
   * Words: lower-cased n-grams of 1 to {@code ngrams} words, hashed (murmur3) to {@code buckets}
   * embedding rows, averaged.
   */
  record Text(String name, String column, int buckets, int dim, int ngrams)
      implements FeatureSpec {}

  /**
   * A time. On the query side, a column named as the interactions' time column is the event's own
   * time.
   *
   * @param parts what the tower sees of it
   */
  record Timestamp(String name, String column, List<Part> parts) implements FeatureSpec {
    public Timestamp {
      parts = List.copyOf(parts);
    }

    /** HOUR and WEEKDAY as points on a circle; AGE as log days before the newest training event. */
    public enum Part {
      HOUR,
      WEEKDAY,
      AGE
    }
  }

  /** How the embeddings of several values become one. */
  enum Pooling {
    MEAN,
    SUM
  }

  /** What happens to a number. */
  enum Transform {
    NONE,
    STANDARDIZE,
    LOG1P,
    BUCKETIZE
  }
}
