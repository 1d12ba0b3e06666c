package io.tandem.feature;

import io.tandem.data.Dataset;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Encodes events: what depends on the moment each time, everything else once for all queries. */
final class DatasetEvents implements EventEncoder {
  private final List<Encoder> encoders;
  private final FeatureBatch attributes;
  private final int[] @Nullable [] sequenceRows;

  DatasetEvents(TowerInput queries, Dataset dataset) {
    encoders = queries.encoders();
    attributes = queries.encodeAll(dataset.queries());
    sequenceRows = new int[encoders.size()][];
    for (int i = 0; i < encoders.size(); i++) {
      if (encoders.get(i) instanceof SequenceEncoder sequence) {
        sequenceRows[i] = rowsByItem(sequence.vocabulary(), dataset);
      }
    }
  }

  @Override
  public void encode(int query, QueryContext context, FeatureBatch target) {
    append(
        query,
        context.time(),
        target,
        (sequence, rows, slot) -> sequence.encode(context, rows, target, slot));
  }

  @Override
  public void encodePositions(
      int query, int[] items, long[] times, int from, int to, FeatureBatch target) {
    int[] first = new int[target.schema().slots().size()];
    int[] last = new int[first.length];
    for (int place = from; place < to; place++) {
      int at = place;
      append(
          query,
          times[at],
          target,
          (sequence, rows, slot) -> {
            if (at == from) {
              first[slot] = target.count(slot);
              last[slot] = first[slot];
              for (int i = from; i < to - 1; i++) {
                addKnown(target, slot, rows[items[i]]);
              }
            } else {
              last[slot] += rows[items[at - 1]] >= 0 ? 1 : 0;
            }
            int end = last[slot];
            int start = Math.max(first[slot], end - sequence.spec().maxLength());
            target.endSlot(slot, start, end);
          });
    }
    target.endSharing();
  }

  /** How a sequence's slot is filled. */
  private interface SequenceAppender {
    void append(SequenceEncoder sequence, int[] rowsByItem, int slot);
  }

  private void append(int query, long time, FeatureBatch target, SequenceAppender sequences) {
    int slot = 0;
    int dense = 0;
    for (int i = 0; i < encoders.size(); i++) {
      Encoder encoder = encoders.get(i);
      int width = encoder.denseWidth();
      int[] rows = sequenceRows[i];
      if (rows != null && encoder instanceof SequenceEncoder sequence) {
        sequences.append(sequence, rows, slot);
      } else if (encoder instanceof TimestampEncoder timestamp && timestamp.event()) {
        timestamp.encode(time, target);
      } else if (width == 0) {
        target.appendSlot(slot, attributes, slot, query);
      } else {
        target.appendDense(attributes, query, dense, dense + width);
      }
      slot += width == 0 ? 1 : 0;
      dense += width;
    }
    target.endRow();
  }

  private static void addKnown(FeatureBatch target, int slot, int row) {
    if (row >= 0) {
      target.add(slot, row);
    }
  }

  private static int[] rowsByItem(Vocabulary vocabulary, Dataset dataset) {
    int[] rows = new int[dataset.itemKeys().size()];
    for (int item = 0; item < rows.length; item++) {
      rows[item] = vocabulary.knownRow(dataset.itemKeys().key(item));
    }
    return rows;
  }
}
