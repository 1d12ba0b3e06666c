package io.tandem.training;

import io.tandem.config.TrainingConfig;
import io.tandem.data.Interactions;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * The training examples, every one once an epoch in an order that the seed and the epoch decide.
 * Steps of an epoch have equally many, but for the last. Chunks of a step are encoded at the same
 * time; what comes out does not depend on where they begin.
 */
abstract sealed class ExampleRows permits InteractionRows, PositionRows, QueryRows {
  private static final int ROWS_PER_CHUNK = 1024;

  /** What SplittableRandom's counter goes up by for each number (Steele et al. 2014). */
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  final Interactions train;
  final EventEncoder events;
  private final long seed;
  private final int perStep;
  private final int steps;
  private final int perChunk;
  private final List<FeatureBatch> chunks = new ArrayList<>();
  private int[] order;
  private int orderEpoch = -1;

  ExampleRows(
      Interactions train, EventEncoder events, int examples, int perStep, int perChunk, long seed) {
    this.train = train;
    this.events = events;
    this.perChunk = perChunk;
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
    return of(config, train, events, maxLength, ROWS_PER_CHUNK);
  }

  static ExampleRows of(
      TrainingConfig config,
      Interactions train,
      EventEncoder events,
      int maxLength,
      int rowsPerChunk) {
    return switch (config.examples().row()) {
      case INTERACTIONS -> new InteractionRows(config, train, events, rowsPerChunk);
      case POSITIONS -> new PositionRows(config, train, events, maxLength, rowsPerChunk);
      case QUERIES -> new QueryRows(config, train, events, rowsPerChunk);
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
    int[] examples = Arrays.copyOfRange(order, from, to);
    batch.queries.clear();
    begin(examples, batch);
    long stepSeed = seed * 31 + epoch * 0x9E3779B97F4A7C15L + step * 0xD1B54A32D192ED03L;
    int count = (examples.length + perChunk - 1) / perChunk;
    if (count < 2) {
      fill(examples, 0, examples.length, new SplittableRandom(stepSeed), batch, batch.queries);
    } else {
      fillChunks(examples, count, stepSeed, batch);
    }
    end(batch);
  }

  private void fillChunks(int[] examples, int count, long stepSeed, Batch batch) {
    while (chunks.size() < count) {
      chunks.add(new FeatureBatch(batch.queries.schema()));
    }
    int[] froms = IntStream.rangeClosed(0, count).map(i -> i * perChunk).toArray();
    froms[count] = examples.length;
    long[] draws =
        IntStream.range(0, count)
            .parallel()
            .mapToLong(
                chunk ->
                    Arrays.stream(examples, froms[chunk], froms[chunk + 1])
                        .mapToLong(this::draws)
                        .sum())
            .toArray();
    SplittableRandom[] randoms = new SplittableRandom[count];
    long drawn = 0;
    for (int chunk = 0; chunk < count; chunk++) {
      randoms[chunk] = new SplittableRandom(stepSeed + drawn * GAMMA);
      drawn += draws[chunk];
    }
    IntStream.range(0, count)
        .parallel()
        .forEach(
            chunk -> {
              FeatureBatch target = chunks.get(chunk);
              target.clear();
              fill(examples, froms[chunk], froms[chunk + 1], randoms[chunk], batch, target);
            });
    batch.queries.append(chunks.subList(0, count));
  }

  /** Makes room for a step's examples. */
  abstract void begin(int[] examples, Batch batch);

  /** Random numbers that {@link #fill} takes for an example. */
  long draws(int example) {
    return 0;
  }

  /**
   * Does examples {@code from} until {@code to} of a step, at the same time as others.
   *
   * @param target where their queries are appended
   */
  abstract void fill(
      int[] examples, int from, int to, SplittableRandom random, Batch batch, FeatureBatch target);

  /** Ends a step's batch once all its examples are done. */
  void end(Batch batch) {}

  int examplesPerStep() {
    return perStep;
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
}
