package io.tandem.training;

import io.tandem.config.TrainingConfig;
import io.tandem.config.TrainingConfig.Examples.Context;
import io.tandem.data.Interactions;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** One row for each interaction, its query as it was just before, or with all the others. */
final class InteractionRows extends ExampleRows {
  private final int[] queryOf;
  private final Context context;
  private final double historyDropout;

  InteractionRows(
      TrainingConfig config, Interactions train, EventEncoder events, int rowsPerChunk) {
    super(train, events, train.size(), config.batch(), rowsPerChunk, config.seed());
    context = config.examples().context();
    historyDropout = events.longestHistory() > 0 ? config.examples().historyDropout() : 0;
    queryOf = new int[train.size()];
    for (int query = 0; query < train.queries(); query++) {
      Arrays.fill(queryOf, train.start(query), train.end(query), query);
    }
  }

  @Override
  int rowsPerStep() {
    return examplesPerStep();
  }

  @Override
  void begin(int[] examples, Batch batch) {
    makeRoom(batch, examples.length, train.hasWeights());
  }

  @Override
  long draws(int example) {
    return historyDropout > 0 ? seen(queryOf[example], example) : 0;
  }

  @Override
  void fill(
      int[] examples, int from, int to, SplittableRandom random, Batch batch, FeatureBatch target) {
    ExampleContexts contexts = new ExampleContexts(to - from);
    int longest = events.longestHistory();
    for (int row = from; row < to; row++) {
      int position = examples[row];
      int query = queryOf[position];
      if (longest > 0) {
        addHistory(query, position, contexts);
        contexts.drop(historyDropout, random);
      }
      contexts.endRow(query, longest, train.time(position));
      batch.targets[row] = train.item(position);
      if (batch.weights != null) {
        batch.weights[row] = train.weight(position);
      }
    }
    contexts.encode(events, target);
  }

  private void addHistory(int query, int position, ExampleContexts contexts) {
    int start = train.start(query);
    if (context == Context.PAST) {
      // With dropout, older items take the place of those that are left out.
      boolean newest = historyDropout == 0;
      int from = newest ? Math.max(start, position - events.longestHistory()) : start;
      contexts.add(train, from, position);
      return;
    }
    contexts.add(train, start, position);
    contexts.add(train, position + 1, train.end(query));
    // The item itself may be there a second time.
    contexts.remove(train.item(position));
  }

  /** Length of an example's history. */
  private int seen(int query, int position) {
    int start = train.start(query);
    if (context == Context.PAST) {
      return position - start;
    }
    int seen = 0;
    for (int other = start; other < train.end(query); other++) {
      seen += train.item(other) == train.item(position) ? 0 : 1;
    }
    return seen;
  }

  /** Makes room for rows with one target each. */
  static void makeRoom(Batch batch, int rows, boolean weighted) {
    if (batch.rows() != rows || batch.targets.length != rows) {
      batch.offsets = IntStream.rangeClosed(0, rows).toArray();
      batch.targets = new int[rows];
      batch.shares = new float[rows];
    }
    Arrays.fill(batch.shares, 1);
    batch.weights = weighted ? new float[rows] : null;
  }
}
