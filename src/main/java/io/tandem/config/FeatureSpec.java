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
   * @param dropout probability of training on an example as though its value were out of the
   *     vocabulary (DropoutNet: Volkovs et al. 2017), so that the other features learn to carry
   *     entities never seen; in [0, 1)
   */
  record Id(String name, String column, int dim, int minCount, int oovBuckets, double dropout)
      implements FeatureSpec {
    /** Never dropped. */
    public Id(String name, String column, int dim, int minCount, int oovBuckets) {
      this(name, column, dim, minCount, oovBuckets, 0);
    }
  }

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
   * @param decay for RECENCY: the weight of an item over that of the one after it, in (0, 1]
   * @param layers of a TRANSFORMER or GRU
   * @param heads of a TRANSFORMER's attention; divides the width of the id's embedding
   * @param dropout of a TRANSFORMER, GRU or ATTENTION while training, in [0, 1)
   */
  record Sequence(
      String name,
      String of,
      int maxLength,
      Pooling pooling,
      double decay,
      int layers,
      int heads,
      double dropout)
      implements FeatureSpec {
    /** Weight ratio of RECENCY where none is given. */
    public static final double DECAY = 0.9;

    /** Without the settings that only some poolings have. */
    public Sequence(String name, String of, int maxLength, Pooling pooling) {
      this(name, of, maxLength, pooling, pooling == Pooling.RECENCY ? DECAY : 0, 0, 0, 0);
    }
  }

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
    SUM,
    /** Sequences: a mean whose weights fall geometrically towards older items. */
    RECENCY,
    /** Sequences: a learned softmax over the items. */
    ATTENTION,
    /** Sequences: the last state of gated recurrent units (Cho et al. 2014). */
    GRU,
    /** Sequences: causal self-attention, the last position (Kang and McAuley 2018, SASRec). */
    TRANSFORMER,
    /**
     * Sequences, of matrix factorization alone: the query vector that ridge regression on the items
     * gives (Hu et al. 2008).
     */
    FOLD_IN;

    /** Whether it has parameters that are trained. */
    public boolean isNetwork() {
      return this == ATTENTION || this == GRU || this == TRANSFORMER;
    }
  }

  /** What happens to a number. */
  enum Transform {
    NONE,
    STANDARDIZE,
    LOG1P,
    BUCKETIZE
  }
}
