package io.tandem.index.faiss;

import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.config.IndexConfig;
import io.tandem.index.Exact;
import io.tandem.index.RowSet;
import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class FlatFilterTest {
  private static final int SIZE = 90;

  /** Vectors of small whole numbers: many equal scores, none rounded. */
  private static final float[][] VECTORS = new float[SIZE][2];

  static {
    for (int row = 0; row < SIZE; row++) {
      VECTORS[row][0] = row % 5;
      VECTORS[row][1] = row % 3;
    }
  }

  @Property(tries = 300)
  void filteredSearchIsExactWithTiesByRow(
      @ForAll @Size(max = SIZE) Set<@IntRange(max = SIZE - 1) Integer> left,
      @ForAll @IntRange(min = 1, max = SIZE + 5) int k,
      @ForAll @IntRange(min = -2, max = 2) int x,
      @ForAll @IntRange(min = -2, max = 2) int y) {
    int[] rows = left.stream().mapToInt(Integer::intValue).toArray();
    float[] query = {x, y};
    try (VectorIndex index = build()) {
      for (RowSet allowed :
          new RowSet[] {RowSet.of(SIZE, rows), RowSet.allBut(SIZE, rows, rows.length)}) {
        TopK hits = new TopK();
        index.search(query, k, allowed, hits);
        assertThat(IntStream.range(0, hits.size()).map(hits::row).boxed().toList())
            .isEqualTo(new Exact(VECTORS).search(query, k, allowed::contains));
      }
    }
  }

  private static VectorIndex build() {
    IndexConfig config = IndexConfig.of(IndexConfig.Type.FLAT).withRecall(0.9, 10);
    try (FaissBuilder builder = new FaissBuilder(2, config)) {
      builder.add(Exact.flatten(VECTORS), SIZE);
      return builder.build(new float[0], 0).index();
    }
  }
}
