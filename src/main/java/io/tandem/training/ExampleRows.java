package io.tandem.training;

import io.tandem.config.TrainingConfig;
import io.tandem.config.TrainingConfig.Examples.Context;
import io.tandem.config.TrainingConfig.Examples.Horizon;
import io.tandem.data.Interactions;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.QueryContext;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * The training examples, every one once an epoch in an order that the seed and the epoch decide.
 * Steps of an epoch have equally many, but for the last.
 */
abstract sealed class ExampleRows {
  final Interactions train;
  final EventEncoder events;
  private final long seed;
  private final int perStep;
  private final int steps;
  private int[] order;
  private int orderEpoch = -1;

  private ExampleRows(
      Interactions train, EventEncoder events, int examples, int perStep, long seed) {
    this.train = train;
    this.events = events;
    this.seed = seed;
    steps = Math.max(1, (examples + perStep - 1) / perStep);
    this.perStep = (examples + steps - 1) / steps;
    order = new int[examples];
  }

  /**
   * The rows that a configuration asks for.
   *
   * @param maxLength of the shortest sequence that a network pools
   */
  static ExampleRows of(
      TrainingConfig config, Interactions train, EventEncoder events, int maxLength) {
    return switch (config.examples().row()) {
      case INTERACTIONS -> new OfInteractions(config, train, events);
      case POSITIONS -> new OfPositions(config, train, events, maxLength);
      case QUERIES -> new OfQueries(config, train, events);
    };
  }

  int stepsPerEpoch() {
    return steps;
  }

  /** Rows of a step, about. */
  abstract int rowsPerStep();

  /** Fills queries, targets and weights of a step. */
  final void fill(int epoch, int step, Batch batch) {
    if (orderEpoch != epoch) {
      shuffle(epoch);
    }
    int from = step * perStep;
    int to = Math.min(order.length, from + perStep);
    batch.queries.clear();
    SplittableRandom random = random(epoch, step);
    fill(order, from, to, random, batch);
  }

  abstract void fill(int[] order, int from, int to, SplittableRandom random, Batch batch);

  int examplesPerStep() {
    return perStep;
  }

  private SplittableRandom random(int epoch, int step) {
    return new SplittableRandom(
        seed * 31 + epoch * 0x9E3779B97F4A7C15L + step * 0xD1B54A32D192ED03L);
  }

  private void shuffle(int epoch) {
    SplittableRandom random = new SplittableRandom(seed + 0x9E3779B97F4A7C15L * epoch);
    for (int i = 0; i < order.length; i++) {
      int other = random.nextInt(i + 1);
      order[i] = order[other];
      order[other] = i;
    }
    orderEpoch = epoch;
  }

  /** Makes room for rows with one target each. */
  static void single(Batch batch, int rows, boolean weighted) {
    if (batch.rows() != rows || batch.targets.length != rows) {
      batch.offsets = IntStream.rangeClosed(0, rows).toArray();
      batch.targets = new int[rows];
      batch.shares = new float[rows];
    }
    Arrays.fill(batch.shares, 1);
    batch.weights = weighted ? new float[rows] : null;
  }

  /** Drops each of the first {@code count} items with a probability; how many are left. */
  static int drop(int[] items, int count, double probability, SplittableRandom random) {
    if (probability == 0) {
      return count;
    }
    int kept = 0;
    for (int i = 0; i < count; i++) {
      if (random.nextDouble() >= probability) {
        items[kept++] = items[i];
      }
    }
    return kept;
  }

  /** One row for each interaction, its query as it was just before, or with all the others. */
  static final class OfInteractions extends ExampleRows {
    private final int[] queryOf;
    private final Context context;
    private final double historyDropout;
    private int[] history = new int[64];

    OfInteractions(TrainingConfig config, Interactions train, EventEncoder events) {
      super(train, events, train.size(), config.batch(), config.seed());
      context = config.examples().context();
      historyDropout = config.examples().historyDropout();
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
    void fill(int[] order, int from, int to, SplittableRandom random, Batch batch) {
      single(batch, to - from, train.hasWeights());
      for (int i = from; i < to; i++) {
        int position = order[i];
        int query = queryOf[position];
        int count = history(query, position);
        count = drop(history, count, historyDropout, random);
        events.encode(
            query, new QueryContext(history, 0, count, train.time(position)), batch.queries);
        batch.targets[i - from] = train.item(position);
        if (batch.weights != null) {
          batch.weights[i - from] = train.weight(position);
        }
      }
    }

    /** Copies the history of an example; its length. */
    private int history(int query, int position) {
      int start = train.start(query);
      int end = context == Context.PAST ? position : train.end(query);
      if (history.length < end - start) {
        history = new int[Math.max(end - start, history.length * 2)];
      }
      train.copyItems(start, position, history, 0);
      if (context == Context.PAST) {
        return position - start;
      }
      train.copyItems(position + 1, end, history, position - start);
      // The item itself may be there a second time.
      int target = train.item(position);
      int kept = 0;
      for (int i = 0; i < end - start - 1; i++) {
        if (history[i] != target) {
          history[kept++] = history[i];
        }
      }
      return kept;
    }
  }

  /** All positions of pieces of histories, each piece no longer than a network takes. */
  static final class OfPositions extends ExampleRows {
    private final Horizon horizon;
    private final int[] queryOf;
    private final int[] starts;
    private final int[] ends;
    private final int averageLength;

    OfPositions(TrainingConfig config, Interactions train, EventEncoder events, int maxLength) {
      this(config, train, events, pieces(train, Math.min(maxLength, config.batch())));
    }

    private OfPositions(
        TrainingConfig config, Interactions train, EventEncoder events, int[][] pieces) {
      super(
          train,
          events,
          pieces[0].length,
          Math.max(1, Math.round((float) config.batch() * pieces[0].length / train.size())),
          config.seed());
      horizon = config.examples().horizon();
      queryOf = pieces[0];
      starts = pieces[1];
      ends = pieces[2];
      averageLength = Math.max(1, train.size() / Math.max(1, queryOf.length));
    }

    /** Cut from the newest on, so that whole pieces are what serving sees. */
    private static int[][] pieces(Interactions train, int maxLength) {
      int count = 0;
      for (int query = 0; query < train.queries(); query++) {
        count += (train.count(query) + maxLength - 1) / maxLength;
      }
      int[][] pieces = new int[3][count];
      int at = 0;
      for (int query = 0; query < train.queries(); query++) {
        for (int end = train.end(query); end > train.start(query); end -= maxLength) {
          pieces[0][at] = query;
          pieces[1][at] = Math.max(train.start(query), end - maxLength);
          pieces[2][at++] = end;
        }
      }
      return pieces;
    }

    @Override
    int rowsPerStep() {
      return examplesPerStep() * averageLength;
    }

    @Override
    void fill(int[] order, int from, int to, SplittableRandom random, Batch batch) {
      int rows = 0;
      for (int i = from; i < to; i++) {
        rows += ends[order[i]] - starts[order[i]];
      }
      makeRoom(batch, rows);
      int row = 0;
      for (int i = from; i < to; i++) {
        int query = queryOf[order[i]];
        int start = starts[order[i]];
        int count = ends[order[i]] - start;
        int[] items = new int[count];
        long[] times = new long[count];
        train.copyItems(start, start + count, items, 0);
        for (int place = 0; place < count; place++) {
          times[place] = train.time(start + place);
          addTargets(start + place, train.end(query), row++, batch);
        }
        events.encodePositions(query, items, times, 0, count, batch.queries);
      }
    }

    private void makeRoom(Batch batch, int rows) {
      int most = rows * (horizon.to() - horizon.from() + 1);
      if (batch.offsets.length != rows + 1 || batch.targets.length != most) {
        batch.offsets = new int[rows + 1];
        batch.targets = new int[most];
        batch.shares = new float[most];
      }
      batch.weights = train.hasWeights() || horizon.to() > 1 ? new float[rows] : null;
    }

    /**
     * The distinct items of the horizon; a row that has none, at a history's end, weighs nothing.
     */
    private void addTargets(int position, int end, int row, Batch batch) {
      int begin = batch.offsets[row];
      int at = begin;
      int first = position + horizon.from() - 1;
      int last = Math.min(end, position + horizon.to());
      for (int later = first; later < last; later++) {
        int same = begin;
        while (same < at && batch.targets[same] != train.item(later)) {
          same++;
        }
        batch.shares[same] = (same < at ? batch.shares[same] : 0) + 1f / (last - first);
        batch.targets[same] = train.item(later);
        at = Math.max(at, same + 1);
      }
      batch.offsets[row + 1] = at;
      if (batch.weights != null) {
        batch.weights[row] = at == begin ? 0 : train.weight(first);
      }
    }
  }

  /** One row for each query: part of its history, and all of it to be found. */
  static final class OfQueries extends ExampleRows {
    private final int[] queries;
    private final double historyDropout;
    private int[] history = new int[64];

    OfQueries(TrainingConfig config, Interactions train, EventEncoder events) {
      this(config, train, events, withInteractions(train));
    }

    private OfQueries(
        TrainingConfig config, Interactions train, EventEncoder events, int[] queries) {
      super(train, events, queries.length, config.batch(), config.seed());
      this.queries = queries;
      historyDropout = config.examples().historyDropout();
    }

    private static int[] withInteractions(Interactions train) {
      return IntStream.range(0, train.queries()).filter(query -> train.count(query) > 0).toArray();
    }

    @Override
    int rowsPerStep() {
      return examplesPerStep();
    }

    @Override
    void fill(int[] order, int from, int to, SplittableRandom random, Batch batch) {
      int rows = to - from;
      int targets = 0;
      for (int i = from; i < to; i++) {
        targets += train.count(queries[order[i]]);
      }
      batch.offsets = new int[rows + 1];
      batch.targets = new int[targets];
      batch.shares = new float[targets];
      batch.weights = null;
      int at = 0;
      for (int row = 0; row < rows; row++) {
        int query = queries[order[from + row]];
        int start = train.start(query);
        int end = train.end(query);
        if (history.length < end - start) {
          history = new int[Math.max(end - start, history.length * 2)];
        }
        train.copyItems(start, end, history, 0);
        at = addTargets(query, at, batch);
        batch.offsets[row + 1] = at;
        int count = drop(history, end - start, historyDropout, random);
        events.encode(
            query, new QueryContext(history, 0, count, train.time(end - 1)), batch.queries);
      }
      batch.targets = Arrays.copyOf(batch.targets, at);
      batch.shares = Arrays.copyOf(batch.shares, at);
    }

    /** The query's distinct items with shares by weight. */
    private int addTargets(int query, int at, Batch batch) {
      int[] positions =
          IntStream.range(train.start(query), train.end(query))
              .boxed()
              .sorted((a, b) -> Integer.compare(train.item(a), train.item(b)))
              .mapToInt(Integer::intValue)
              .toArray();
      double total = 0;
      int next = at;
      for (int position : positions) {
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
}
