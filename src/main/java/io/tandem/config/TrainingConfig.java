package io.tandem.config;

/**
 * How a model is trained.
 *
 * @param temperature the logits' divisor, above 0
 * @param learnTemperature whether it is trained with the towers, starting from {@code temperature}
 * @param samplingCorrection logQ: what is subtracted from a logit for how often its item is drawn
 *     (Yi et al. 2019)
 * @param accidentalHits what happens where another row of the batch holds the same item
 * @param batch examples per step
 * @param patience epochs without a better validation metric before training stops; 0 never stops
 * @param validateEvery epochs between validations; 0 for none but at the end
 * @param checkpointEvery epochs between checkpoints
 * @param maxValidationQueries bounds validation's cost; queries are drawn by the seed
 */
public record TrainingConfig(
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
    int checkpointEvery,
    int maxValidationQueries,
    long seed) {

  /** Where the probability of an item being drawn into a batch comes from. */
  public enum SamplingCorrection {
    NONE,
    /** Counts of the training set. */
    EXACT,
    /** Estimated while streaming, in fixed memory (Yi et al. 2019, algorithm 2). */
    STREAMING
  }

  /** Same item elsewhere in the batch: a false negative. */
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
      HIT_RATE
    }
  }
}
