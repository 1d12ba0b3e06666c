package io.tandem.training;

import io.tandem.config.TrainingConfig;
import io.tandem.config.TrainingConfig.Examples.Horizon;
import io.tandem.data.Interactions;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import java.util.Arrays;
import java.util.SplittableRandom;

/** All positions of pieces of histories, each piece no longer than a network takes. */
final class PositionRows extends ExampleRows {
  private final Horizon horizon;
  private final int[] queryOf;
  private final int[] starts;
  private final int[] ends;
  private final int averageLength;

  PositionRows(
      TrainingConfig config,
      Interactions train,
      EventEncoder events,
      int maxLength,
      int rowsPerChunk) {
    this(config, train, events, pieces(train, Math.min(maxLength, config.batch())), rowsPerChunk);
  }

  private PositionRows(
      TrainingConfig config,
      Interactions train,
      EventEncoder events,
      int[][] pieces,
      int rowsPerChunk) {
    super(
        train,
        events,
        pieces[0].length,
        Math.max(1, Math.round((float) config.batch() * pieces[0].length / train.size())),
        (int) Math.max(1, (long) rowsPerChunk * pieces[0].length / train.size()),
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
  void begin(int[] examples, Batch batch) {
    int rows = 0;
    for (int piece : examples) {
      rows += ends[piece] - starts[piece];
    }
    makeRoom(batch, rows);
    int row = 0;
    for (int piece : examples) {
      int end = train.end(queryOf[piece]);
      for (int position = starts[piece]; position < ends[piece]; position++) {
        addTargets(position, end, row++, batch);
      }
    }
  }

  @Override
  void fill(
      int[] examples, int from, int to, SplittableRandom random, Batch batch, FeatureBatch target) {
    for (int i = from; i < to; i++) {
      int start = starts[examples[i]];
      int count = ends[examples[i]] - start;
      int[] items = new int[count];
      long[] times = new long[count];
      train.copyItems(start, start + count, items, 0);
      Arrays.setAll(times, place -> train.time(start + place));
      events.encodePositions(queryOf[examples[i]], items, times, target);
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

  /** The distinct items of the horizon; a row that has none, at a history's end, weighs nothing. */
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
