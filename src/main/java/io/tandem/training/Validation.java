package io.tandem.training;

import io.tandem.config.TrainingConfig;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.evaluation.EmbeddingRanker;
import io.tandem.evaluation.HeldOut;
import io.tandem.evaluation.Metrics;
import io.tandem.evaluation.Ranking;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.feature.QueryContext;
import io.tandem.tower.TowerModel;

/** Full-corpus metrics of the validation set, for a sample of its queries. */
final class Validation {
  /** Fewer queries would say too little. */
  private static final int FEWEST = 200;

  private final TrainingConfig.Metric metric;
  private final HeldOut heldOut;
  private final FeatureBatch queries;
  private final FeatureBatch items;

  /**
   * @param items the encoded catalogue
   * @param most queries to look at
   */
  Validation(
      TrainingConfig config,
      Dataset dataset,
      Features features,
      EventEncoder events,
      FeatureBatch items,
      int most) {
    metric = config.metric();
    this.items = items;
    heldOut =
        HeldOut.validation(dataset, HeldOut.Seen.EXCLUDED)
            .sample(Math.min(config.maxValidationQueries(), Math.max(FEWEST, most)), config.seed());
    queries = encode(heldOut, features, events);
  }

  /** Queries of held-out events, with all their history, at the time of the first of them. */
  static FeatureBatch encode(HeldOut heldOut, Features features, EventEncoder events) {
    FeatureBatch batch = new FeatureBatch(features.querySchema());
    Interactions history = heldOut.history();
    for (int i = 0; i < heldOut.queries().length; i++) {
      int query = heldOut.queries()[i];
      QueryContext context =
          QueryContext.of(history, history.start(query), history.end(query), heldOut.times()[i]);
      events.encode(query, context, batch);
    }
    return batch;
  }

  boolean isEmpty() {
    return heldOut.queries().length == 0;
  }

  Metrics run(TowerModel model) {
    int dim = model.dim();
    float[] itemEmbeddings = new float[items.rows() * dim];
    model.embedItems(items, itemEmbeddings);
    float[] queryEmbeddings = new float[queries.rows() * dim];
    model.embedQueries(queries, queryEmbeddings);
    int[][] lists =
        Ranking.top(
            new EmbeddingRanker(queryEmbeddings, itemEmbeddings, dim),
            heldOut.question(),
            metric.k());
    return Metrics.of(lists, heldOut.question().relevant(), metric.k());
  }

  double value(Metrics metrics) {
    return value(metric, metrics);
  }

  static double value(TrainingConfig.Metric metric, Metrics metrics) {
    return switch (metric.kind()) {
      case RECALL -> metrics.recall();
      case NDCG -> metrics.ndcg();
      case MRR -> metrics.mrr();
      case HIT_RATE -> metrics.hitRate();
      case ACCURACY -> metrics.accuracy();
    };
  }
}
