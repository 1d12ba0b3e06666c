package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.index.TopK;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** This engine's own. */
final class TandemRival implements Rival {
  private final IndexConfig.Type type;
  private @Nullable FaissIndex index;

  /**
   * @param type HNSW, or AUTO for what a specification gets that says nothing
   */
  TandemRival(IndexConfig.Type type) {
    this.type = type;
  }

  @Override
  public String name() {
    return "Tandem " + (index == null ? type : type + " " + index.type());
  }

  @Override
  public void build(Corpus corpus) {
    Faiss.setThreads(Runtime.getRuntime().availableProcessors());
    IndexConfig config = IndexConfig.of(type);
    if (type == IndexConfig.Type.HNSW) {
      // With a setting given it is not tuned here: effort() sets what is searched with.
      config = config.withGraph(new IndexConfig.Graph(LINKS, BEAM, BEAM));
    }
    index = corpus.build(config);
    Faiss.setThreads(1);
  }

  @Override
  public boolean isTunable() {
    return type == IndexConfig.Type.HNSW;
  }

  @Override
  public void effort(int candidates) {
    index().use(candidates, 1);
  }

  @Override
  public Searcher searcher() {
    FaissIndex searched = index();
    TopK hits = new TopK();
    return (query, k, rows) -> {
      searched.search(query, k, hits);
      for (int rank = 0; rank < hits.size(); rank++) {
        rows[rank] = hits.row(rank);
      }
      return hits.size();
    };
  }

  @Override
  public double nativeMegabytes() {
    // What the file holds is what memory holds.
    try {
      Path folder = Files.createTempDirectory("rival");
      Path file = folder.resolve("items.faiss");
      index().write(file);
      double size = Files.size(file) / 1e6;
      Files.delete(file);
      Path vectors = FaissIndex.vectorsBeside(file);
      if (Files.exists(vectors)) {
        size += Files.size(vectors) / 1e6;
        Files.delete(vectors);
      }
      Files.delete(folder);
      return size;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    index().close();
  }

  private FaissIndex index() {
    return Objects.requireNonNull(index);
  }
}
