package io.tandem.training;

import io.tandem.config.TrainingConfig;
import io.tandem.data.Interactions;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** One row for each query: part of its history, and all of it to be found. */
final class QueryRows extends ExampleRows {
  private final int[] queries;
  private final double historyDropout;

  /** [rows of the step] where a row's targets end while there may be room behind them. */
  private int[] ends = new int[0];

  QueryRows(TrainingConfig config, Interactions train, EventEncoder events, int rowsPerChunk) {
    this(config, train, events, withInteractions(train), rowsPerChunk);
  }

  private QueryRows(
      TrainingConfig config,
      Interactions train,
      EventEncoder events,
      int[] queries,
      int rowsPerChunk) {
    super(train, events, queries.length, config.batch(), rowsPerChunk, config.seed());
    this.queries = queries;
    historyDropout = events.longestHistory() > 0 ? config.examples().historyDropout() : 0;
  }

  private static int[] withInteractions(Interactions train) {
    return IntStream.range(0, train.queries()).filter(query -> train.count(query) > 0).toArray();
  }

  @Override
  int rowsPerStep() {
    return examplesPerStep();
  }

  @Override
  void begin(int[] examples, Batch batch) {
    int rows = examples.length;
    batch.offsets = new int[rows + 1];
    for (int row = 0; row < rows; row++) {
      batch.offsets[row + 1] = batch.offsets[row] + train.count(queries[examples[row]]);
    }
    batch.targets = new int[batch.offsets[rows]];
    batch.shares = new float[batch.offsets[rows]];
    batch.weights = null;
    ends = new int[rows];
  }

  @Override
  long draws(int example) {
    return historyDropout > 0 ? train.count(queries[example]) : 0;
  }

  @Override
  void fill(
      int[] examples, int from, int to, SplittableRandom random, Batch batch, FeatureBatch target) {
    ExampleContexts contexts = new ExampleContexts(to - from);
    int longest = events.longestHistory();
    for (int row = from; row < to; row++) {
      int query = queries[examples[row]];
      int end = train.end(query);
      ends[row] = addTargets(query, batch.offsets[row], batch);
      if (longest > 0) {
        contexts.add(train, train.start(query), end);
        contexts.drop(historyDropout, random);
      }
      contexts.endRow(query, longest, train.time(end - 1));
    }
    contexts.encode(events, target);
  }

  /** Closes the gaps that items a query has several times left. */
  @Override
  void end(Batch batch) {
    int at = 0;
    for (int row = 0; row < ends.length; row++) {
      int from = batch.offsets[row];
      int count = ends[row] - from;
      System.arraycopy(batch.targets, from, batch.targets, at, count);
      System.arraycopy(batch.shares, from, batch.shares, at, count);
      batch.offsets[row] = at;
      at += count;
    }
    batch.offsets[ends.length] = at;
    batch.targets = Arrays.copyOf(batch.targets, at);
    batch.shares = Arrays.copyOf(batch.shares, at);
  }

  /** The query's distinct items with shares by weight. */
  private int addTargets(int query, int at, Batch batch) {
    int start = train.start(query);
    // By item, then by position.
    long[] sorted = new long[train.count(query)];
    Arrays.setAll(sorted, i -> (long) train.item(start + i) << 32 | (start + i));
    Arrays.sort(sorted);
    double total = 0;
    int next = at;
    for (long each : sorted) {
      int position = (int) each;
      float weight = train.weight(position);
      total += weight;
      if (next > at && batch.targets[next - 1] == train.item(position)) {
        batch.shares[next - 1] += weight;
      } else {
        batch.targets[next] = train.item(position);
        batch.shares[next++] = weight;
      }
    }
    for (int i = at; i < next; i++) {
      batch.shares[i] = total > 0 ? (float) (batch.shares[i] / total) : 1f / (next - at);
    }
    return next;
  }
}
