package io.tandem.tower;

import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * What a batch looks up in one group of tables: an entry for each value, with its row of the arena,
 * its weight in what it is pooled into, and where the gradient of that will be. Entries lie tower
 * by tower, a tower's row by row, and a row's segment by segment, where a segment is what goes to
 * one column of the tower's input. Reused from batch to batch; rows are packed in parallel.
 */
final class GroupEntries {
  /** Rows that a thread packs at a time. */
  private static final int CHUNK = 1024;

  /** Largest array that every JVM allows. */
  private static final int LIMIT = Integer.MAX_VALUE - 8;

  private final List<Segments> towers = new ArrayList<>();
  private int size;
  private int[] ids = new int[0];
  private int[] sources = new int[0];
  private float[] weights = new float[0];

  /** Where the group is cached: which batch this is, and the rows' places there. */
  long batch;

  int[] places = new int[0];

  GroupEntries(TableGroup group, List<TowerShape> shapes) {
    for (TowerShape shape : shapes) {
      towers.add(new Segments(group, shape));
    }
  }

  int size() {
    return size;
  }

  /** Rows of the arena, or of the table where that is cached. */
  int[] ids() {
    return ids;
  }

  /** Places among the gradients by both towers' inputs. */
  int[] sources() {
    return sources;
  }

  float[] weights() {
    return weights;
  }

  Segments tower(int number) {
    return towers.get(number);
  }

  /**
   * Packs a batch.
   *
   * @param rows of each tower once they are padded
   * @param gradients where those by each tower's input begin
   */
  void pack(List<FeatureBatch> batches, int[] rows, int[] gradients) {
    long total = 0;
    for (int tower = 0; tower < towers.size(); tower++) {
      total = towers.get(tower).count(batches.get(tower), rows[tower], total);
    }
    if (total > LIMIT) {
      throw new IllegalArgumentException(
          "a batch that looks up %d rows is more than a step on a device takes; choose a smaller"
                  .formatted(total)
              + " training.batch");
    }
    size = (int) total;
    if (ids.length < size) {
      int room = (int) Math.min(LIMIT, total + total / 8);
      ids = new int[room];
      sources = new int[room];
      weights = new float[room];
    }
    for (int tower = 0; tower < towers.size(); tower++) {
      towers.get(tower).fill(batches.get(tower), rows[tower], gradients[tower]);
    }
  }

  /**
   * A slot whose values are in a segment.
   *
   * @param base its table's first row in the arena
   */
  private record Source(InputSchema.Slot slot, int number, int base) {}

  /** One tower's. */
  final class Segments {
    private final int width;
    private final int[] columns;

    /** By segment: one, or several where embeddings are added up. */
    private final Source[][] slots;

    private int[] offsets = new int[1];

    /** Of each chunk of rows, its first entry. */
    private long[] starts = new long[0];

    private Segments(TableGroup group, TowerShape shape) {
      width = shape.inputWidth();
      SortedMap<Integer, List<Source>> byColumn = new TreeMap<>();
      for (int number = 0; number < shape.input().slots().size(); number++) {
        InputSchema.Slot slot = shape.input().slots().get(number);
        if (group.holds(slot.table())) {
          byColumn
              .computeIfAbsent(shape.offset(number), column -> new ArrayList<>())
              .add(new Source(slot, number, group.place(slot.table()).base()));
        }
      }
      columns = byColumn.keySet().stream().mapToInt(Integer::intValue).toArray();
      slots =
          byColumn.values().stream()
              .map(sources -> sources.toArray(Source[]::new))
              .toArray(Source[][]::new);
    }

    /** Where in the tower's input each segment's embedding begins; none is a tower without any. */
    int[] columns() {
      return columns;
    }

    /**
     * [padded rows × segments + 1] the entries of segment j of row r are offsets[r × segments + j]
     * until the next.
     */
    int[] offsets() {
      return offsets;
    }

    /** Counts each segment's values; where the last ends if the first begins at a place. */
    private long count(FeatureBatch batch, int paddedRows, long from) {
      int segments = columns.length;
      if (segments == 0) {
        return from;
      }
      int length = Math.addExact(Math.multiplyExact(paddedRows, segments), 1);
      if (offsets.length < length) {
        offsets = new int[Math.max(length, length + length / 8)];
      }
      int chunks = (batch.rows() + CHUNK - 1) / CHUNK;
      long[] ends = new long[chunks + 1];
      IntStream.range(0, chunks)
          .parallel()
          .forEach(chunk -> ends[chunk + 1] = countChunk(batch, chunk));
      ends[0] = from;
      for (int chunk = 0; chunk < chunks; chunk++) {
        ends[chunk + 1] += ends[chunk];
      }
      starts = ends;
      return ends[chunks];
    }

    /** Leaves each segment's count where its end will be. */
    private long countChunk(FeatureBatch batch, int chunk) {
      int segments = columns.length;
      int first = chunk * CHUNK;
      int last = Math.min(batch.rows(), first + CHUNK);
      Arrays.fill(offsets, first * segments + 1, last * segments + 1, 0);
      long count = 0;
      for (int segment = 0; segment < segments; segment++) {
        for (Source source : slots[segment]) {
          int place = first * segments + segment + 1;
          for (int row = first; row < last; row++) {
            int values = batch.end(source.number(), row) - batch.start(source.number(), row);
            offsets[place] += values;
            count += values;
            place += segments;
          }
        }
      }
      return count;
    }

    private void fill(FeatureBatch batch, int paddedRows, int gradients) {
      int segments = columns.length;
      if (segments == 0) {
        return;
      }
      offsets[0] = (int) starts[0];
      Optional<String> problem =
          IntStream.range(0, starts.length - 1)
              .parallel()
              .mapToObj(chunk -> fillChunk(batch, chunk, gradients))
              .flatMap(Optional::stream)
              .findFirst();
      if (problem.isPresent()) {
        throw new IllegalArgumentException(problem.get());
      }
      // Padded rows have no values.
      Arrays.fill(
          offsets,
          batch.rows() * segments + 1,
          paddedRows * segments + 1,
          (int) starts[starts.length - 1]);
    }

    /** Fills what was counted; what is wrong with it. */
    private Optional<String> fillChunk(FeatureBatch batch, int chunk, int gradients) {
      int segments = columns.length;
      int first = chunk * CHUNK;
      int last = Math.min(batch.rows(), first + CHUNK);
      int at = (int) starts[chunk];
      for (int place = first * segments + 1; place <= last * segments; place++) {
        int count = offsets[place];
        offsets[place] = at;
        at += count;
      }
      for (int segment = 0; segment < segments; segment++) {
        for (Source source : slots[segment]) {
          Optional<String> problem =
              fill(batch, source, segment, first, last, gradients + columns[segment]);
          if (problem.isPresent()) {
            return problem;
          }
        }
      }
      return Optional.empty();
    }

    /**
     * Fills a slot's values of some rows. Each segment's end is where it is filled to so far. Ids
     * are checked here, since kernels do not.
     */
    private Optional<String> fill(
        FeatureBatch batch, Source source, int segment, int first, int last, int gradients) {
      InputSchema.Slot slot = source.slot();
      int vocabulary = slot.table().rows();
      float alone = SlotPooling.weight(slot, 0, 1);
      int[] values = batch.ids(source.number());
      int place = first * columns.length + segment + 1;
      for (int row = first; row < last; row++) {
        int from = batch.start(source.number(), row);
        int count = batch.end(source.number(), row) - from;
        int at = offsets[place];
        for (int i = 0; i < count; i++) {
          int id = values[from + i];
          if (id < 0 || id >= vocabulary) {
            return Optional.of(
                "feature %s: row %d of a table of %d".formatted(slot.feature(), id, vocabulary));
          }
          ids[at + i] = source.base() + id;
          sources[at + i] = gradients + row * width;
          weights[at + i] = count == 1 ? alone : SlotPooling.weight(slot, i, count);
        }
        offsets[place] = at + count;
        place += columns.length;
      }
      return Optional.empty();
    }
  }
}
