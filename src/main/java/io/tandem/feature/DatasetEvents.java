package io.tandem.feature;

import io.tandem.data.Dataset;
import java.util.Arrays;
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
  public int longestHistory() {
    int longest = 0;
    for (Encoder encoder : encoders) {
      if (encoder instanceof SequenceEncoder sequence) {
        longest = Math.max(longest, sequence.spec().maxLength());
      }
    }
    return longest;
  }

  @Override
  public void encode(int[] queries, QueryContext[] contexts, FeatureBatch target) {
    long[] times = Arrays.stream(contexts).mapToLong(QueryContext::time).toArray();
    append(
        queries,
        times,
        target,
        (sequence, rows, slot) -> {
          for (QueryContext context : contexts) {
            sequence.encode(context, rows, target, slot);
          }
        });
  }

  @Override
  public void encodePositions(int query, int[] items, long[] times, FeatureBatch target) {
    int[] queries = new int[items.length];
    Arrays.fill(queries, query);
    append(
        queries,
        times,
        target,
        (sequence, rows, slot) -> {
          int first = target.count(slot);
          for (int i = 0; i < items.length - 1; i++) {
            if (rows[items[i]] >= 0) {
              target.add(slot, rows[items[i]]);
            }
          }
          int end = first;
          for (int place = 0; place < items.length; place++) {
            end += place > 0 && rows[items[place - 1]] >= 0 ? 1 : 0;
            target.endSlot(slot, Math.max(first, end - sequence.spec().maxLength()), end);
          }
        });
    target.endSharing();
  }

  /** How a sequence's slot of all rows is filled. */
  private interface SequenceAppender {
    void append(SequenceEncoder sequence, int[] rowsByItem, int slot);
  }

  private void append(
      int[] queries, long[] times, FeatureBatch target, SequenceAppender sequences) {
    int slot = 0;
    for (int i = 0; i < encoders.size(); i++) {
      int[] rows = sequenceRows[i];
      if (rows != null && encoders.get(i) instanceof SequenceEncoder sequence) {
        sequences.append(sequence, rows, slot);
      } else if (encoders.get(i).denseWidth() == 0) {
        target.appendSlot(slot, attributes, slot, queries);
      }
      slot += encoders.get(i).denseWidth() == 0 ? 1 : 0;
    }
    for (int row = 0; row < queries.length && target.schema().denseWidth() > 0; row++) {
      appendDense(queries[row], times[row], target);
    }
    target.endRows(queries.length);
  }

  private void appendDense(int query, long time, FeatureBatch target) {
    int dense = 0;
    for (Encoder encoder : encoders) {
      int width = encoder.denseWidth();
      if (encoder instanceof TimestampEncoder timestamp && timestamp.event()) {
        timestamp.encode(time, target);
      } else {
        target.appendDense(attributes, query, dense, dense + width);
      }
      dense += width;
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
