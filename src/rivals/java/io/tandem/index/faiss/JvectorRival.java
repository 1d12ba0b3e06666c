package io.tandem.index.faiss;

import io.github.jbellis.jvector.graph.GraphIndexBuilder;
import io.github.jbellis.jvector.graph.GraphSearcher;
import io.github.jbellis.jvector.graph.ImmutableGraphIndex;
import io.github.jbellis.jvector.graph.ListRandomAccessVectorValues;
import io.github.jbellis.jvector.graph.RandomAccessVectorValues;
import io.github.jbellis.jvector.graph.SearchResult;
import io.github.jbellis.jvector.graph.similarity.BuildScoreProvider;
import io.github.jbellis.jvector.graph.similarity.DefaultSearchScoreProvider;
import io.github.jbellis.jvector.util.Bits;
import io.github.jbellis.jvector.vector.VectorSimilarityFunction;
import io.github.jbellis.jvector.vector.VectorizationProvider;
import io.github.jbellis.jvector.vector.types.VectorFloat;
import io.github.jbellis.jvector.vector.types.VectorTypeSupport;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A graph on the heap, as its documentation builds one. */
final class JvectorRival implements Rival {
  private static final VectorSimilarityFunction DOT = VectorSimilarityFunction.DOT_PRODUCT;
  private static final VectorTypeSupport TYPES =
      VectorizationProvider.getInstance().getVectorTypeSupport();

  private @Nullable RandomAccessVectorValues vectors;
  private @Nullable ImmutableGraphIndex graph;
  private volatile int candidates;

  @Override
  public String name() {
    return "jvector " + VectorizationProvider.getInstance().getClass().getSimpleName();
  }

  @Override
  public void build(Corpus corpus) throws IOException {
    int dim = corpus.dim();
    List<VectorFloat<?>> list = new ArrayList<>();
    for (int row = 0; row < corpus.size(); row++) {
      list.add(vector(Arrays.copyOfRange(corpus.items(), row * dim, (row + 1) * dim)));
    }
    RandomAccessVectorValues values = new ListRandomAccessVectorValues(list, dim);
    BuildScoreProvider scores = BuildScoreProvider.randomAccessScoreProvider(values, DOT);
    try (GraphIndexBuilder builder =
        new GraphIndexBuilder(scores, dim, 2 * LINKS, BEAM, 1.2f, 1.2f, true)) {
      graph = builder.build(values);
    }
    vectors = values;
  }

  private static VectorFloat<?> vector(float[] values) {
    return TYPES.createFloatVector(values);
  }

  @Override
  public void effort(int newCandidates) {
    candidates = newCandidates;
  }

  @Override
  @SuppressWarnings("resource")
  public Searcher searcher() {
    GraphSearcher searcher = new GraphSearcher(Objects.requireNonNull(graph));
    RandomAccessVectorValues values = Objects.requireNonNull(vectors);
    return (query, k, rows) -> {
      SearchResult found =
          searcher.search(
              DefaultSearchScoreProvider.exact(vector(query), DOT, values),
              k,
              candidates,
              0,
              0,
              Bits.ALL);
      SearchResult.NodeScore[] nodes = found.getNodes();
      for (int rank = 0; rank < nodes.length; rank++) {
        rows[rank] = nodes[rank].node;
      }
      return nodes.length;
    };
  }

  @Override
  public double nativeMegabytes() {
    return 0;
  }

  @Override
  public void close() {
    graph = null;
    vectors = null;
  }
}
