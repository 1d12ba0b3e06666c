package io.tandem.config;

/**
 * How a model is trained.
 *
 * @param loss what is minimised, and over which candidates
 * @param examples what a row of a batch is
 * @param temperature the logits' divisor, above 0
 * @param learnTemperature whether it is trained with the towers, starting from {@code temperature}
 * @param samplingCorrection logQ: what is subtracted from a logit for how often its item is drawn
 *     (Yi et al. 2019)
 * @param accidentalHits what happens where another row of the batch holds the same item
 * @param batch examples per step; of sequences trained at every position, positions
 * @param patience epochs without a better validation metric before training stops; 0 never stops
 * @param validateEvery epochs between validations; 0 for none but at the end
 * @param refit whether, once validation has told the best epoch, a model is trained afresh on
 *     training and validation interactions together for as many epochs
 * @param checkpointEvery epochs between checkpoints
 * @param maxValidationQueries bounds validation's cost; queries are drawn by the seed
 * @param device where steps run
 * @param devices GPUs that share the rows of each batch, or {@link #ALL_DEVICES}
 * @param precision of matrix products on a GPU
 */
public record TrainingConfig(
    Loss loss,
    Examples examples,
    double temperature,
    boolean learnTemperature,
    SamplingCorrection samplingCorrection,
    AccidentalHits accidentalHits,
    int batch,
    int epochs,
    Optimizer optimizer,
    Schedule schedule,
    Metric metric,
    int patience,
    int validateEvery,
    boolean refit,
    int checkpointEvery,
    int maxValidationQueries,
    long seed,
    Device device,
    int devices,
    Precision precision) {
  /** As many GPUs as there are. */
  public static final int ALL_DEVICES = 0;

  /** Where steps run. */
  public enum Device {
    /** A GPU where there is one that can train what the specification describes. */
    AUTO,
    CPU,
    CUDA
  }

  /** Of the operands of matrix products on a GPU; sums are float32 always. */
  public enum Precision {
    FP32,
    /** 10 bits of mantissa, on tensor cores. */
    TF32,
    /** 7 bits of mantissa in the loss, TF32 in layers. */
    BF16
  }

  /**
   * What is minimised.
   *
   * @param labelSmoothing share of the target that is spread evenly over all candidates (Szegedy et
   *     al. 2016), in [0, 1)
   * @param margin of the cosine contrastive loss: cosine below which a negative costs nothing
   * @param negativeWeight of the cosine contrastive loss: weight of all negatives together
   */
  public record Loss(
      Function function,
      Negatives negatives,
      double labelSmoothing,
      double margin,
      double negativeWeight) {
    /** Which loss. */
    public enum Function {
      /** Softmax over the items of the batch and further negatives. */
      IN_BATCH_SOFTMAX,
      /** Softmax over the row's own item and drawn negatives, those of the batch left out. */
      SAMPLED_SOFTMAX,
      /** Softmax over all items. */
      FULL_SOFTMAX,
      /**
       * CCL (Mao et al. 2021) over the row's own item and drawn negatives. Those of the batch are
       * left out: they come as often as items are popular, which this loss has no correction for.
       */
      COSINE_CONTRASTIVE;

      /** Whether the items of the batch are negatives of each other. */
      public boolean inBatch() {
        return this == IN_BATCH_SOFTMAX || this == FULL_SOFTMAX;
      }
    }
  }

  /**
   * Negatives beside the batch's, shared by all rows of a step.
   *
   * @param uniform items drawn evenly (mixed negative sampling: Yang et al. 2020)
   * @param frequency items drawn as often as they occur in training
   * @param logUniform items drawn by Zipf's law over their rank by frequency
   * @param queue embeddings kept from the steps before, as they were then (cross-batch negatives:
   *     Wang et al. 2021)
   * @param hard for each row, one of the items nearest to its query: how many of the nearest are
   *     candidates; 0 for none
   * @param hardEvery steps between embeddings of all items to mine from
   */
  public record Negatives(
      int uniform, int frequency, int logUniform, int queue, int hard, int hardEvery) {
    /** None but the batch's. */
    public static final Negatives NONE = new Negatives(0, 0, 0, 0, 0, 100);
  }

  /**
   * What a row of a batch is.
   *
   * @param historyDropout probability of leaving each item out of the history while training, in
   *     [0, 1)
   * @param horizon of examples by position, which later items a position is to find
   */
  public record Examples(Row row, Context context, double historyDropout, Horizon horizon) {
    /**
     * The items that follow a position, counted from 1, each an equal share of its target. More
     * than the next one where serving does not know the newest items yet, or where the order of
     * neighbours means little.
     *
     * @param from first, at least 1
     * @param to last, at least {@code from}
     */
    public record Horizon(int from, int to) {
      /** The next item alone. */
      public static final Horizon NEXT = new Horizon(1, 1);
    }

    /** What a row is. */
    public enum Row {
      /** One row for each interaction, which is its target. */
      INTERACTIONS,
      /**
       * The same, but all positions of a query's sequence in one batch: a causal encoder passes the
       * sequence once for all of them.
       */
      POSITIONS,
      /** One row for each query, its target the normalised multi-hot of all it touched. */
      QUERIES
    }

    /** Which of a query's interactions its history is while training. */
    public enum Context {
      /** Those before the target: for splits by time. */
      PAST,
      /** All but the target: for random splits, whose held-out interactions are of any time. */
      OTHERS
    }
  }

  /** Where the probability of an item being drawn into a batch comes from. */
  public enum SamplingCorrection {
    NONE,
    /** Counts of the training set. */
    EXACT,
    /** Estimated while streaming, in fixed memory (Yi et al. 2019, algorithm 2). */
    STREAMING
  }

  /** Same item elsewhere among the candidates: a false negative. */
  public enum AccidentalHits {
    MASK,
    KEEP
  }

  /**
   * Optimizers of both kinds of parameters.
   *
   * @param sparseRate learning rate of embedding tables
   * @param denseRate learning rate of the networks
   */
  public record Optimizer(Dense dense, Sparse sparse, double denseRate, double sparseRate) {
    /** Optimizer of the networks. */
    public enum Dense {
      SGD,
      ADAM
    }

    /** Optimizer of touched embedding rows. */
    public enum Sparse {
      /** One accumulator per row. */
      ROWWISE_ADAGRAD,
      /** Two moments per row element, moved only when the row is touched. */
      ADAM
    }
  }

  /**
   * Factor on both learning rates over the steps of the whole training.
   *
   * @param warmup share of all steps over which the rate rises from 0, in [0, 1)
   */
  public record Schedule(Shape shape, double warmup) {
    /** What the rate does after the warm-up. */
    public enum Shape {
      CONSTANT,
      COSINE,
      LINEAR
    }
  }

  /** What validation watches, such as recall at 10. */
  public record Metric(Kind kind, int k) {
    /** Ranking metrics. */
    public enum Kind {
      RECALL,
      NDCG,
      MRR,
      HIT_RATE,
      ACCURACY
    }
  }
}
