package io.tandem.index.faiss;

import com.github.jelmerk.hnswlib.core.DistanceFunctions;
import com.github.jelmerk.hnswlib.core.Item;
import com.github.jelmerk.hnswlib.core.SearchResult;
import com.github.jelmerk.hnswlib.core.hnsw.HnswIndex;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Jelmer Kuperus's HNSW in Java. */
final class HnswlibRival implements Rival {
  private @Nullable HnswIndex<Integer, float[], Row, Float> index;

  private record Row(Integer id, float[] vector) implements Item<Integer, float[]> {
    @Override
    public int dimensions() {
      return vector.length;
    }
  }

  @Override
  public String name() {
    return "hnswlib-core";
  }

  @Override
  public void build(Corpus corpus) throws InterruptedException {
    int dim = corpus.dim();
    List<Row> rows = new ArrayList<>();
    for (int row = 0; row < corpus.size(); row++) {
      rows.add(new Row(row, Arrays.copyOfRange(corpus.items(), row * dim, (row + 1) * dim)));
    }
    HnswIndex<Integer, float[], Row, Float> built =
        HnswIndex.newBuilder(dim, DistanceFunctions.FLOAT_INNER_PRODUCT, rows.size())
            .withM(LINKS)
            .withEfConstruction(BEAM)
            .build();
    built.addAll(rows);
    index = built;
  }

  @Override
  public void effort(int candidates) {
    Objects.requireNonNull(index).setEf(candidates);
  }

  @Override
  public Searcher searcher() {
    HnswIndex<Integer, float[], Row, Float> searched = Objects.requireNonNull(index);
    return (query, k, rows) -> {
      int rank = 0;
      for (SearchResult<Row, Float> found : searched.findNearest(query, k)) {
        rows[rank++] = found.item().id();
      }
      return rank;
    };
  }

  @Override
  public double nativeMegabytes() {
    return 0;
  }

  @Override
  public void close() {
    index = null;
  }
}
