package io.tandem.index.faiss;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.lucene.document.KnnFloatVectorField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.NoMergePolicy;
import org.apache.lucene.index.VectorSimilarityFunction;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.KnnFloatVectorQuery;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.Version;
import org.jspecify.annotations.Nullable;

/**
 * One segment of the default codec, whose graph has the links and the beam that all have here,
 * asked for as many hits as it is to look at candidates, of which the best are taken.
 */
final class LuceneRival implements Rival {
  private static final String FIELD = "vector";

  private final Path folder;
  private @Nullable Directory directory;
  private @Nullable DirectoryReader reader;
  private volatile int candidates;

  LuceneRival() throws IOException {
    folder = Files.createTempDirectory("lucene");
  }

  @Override
  public String name() {
    return "Lucene " + Version.LATEST;
  }

  @Override
  public void build(Corpus corpus) throws IOException {
    int dim = corpus.dim();
    Directory opened = FSDirectory.open(folder);
    directory = opened;
    IndexWriterConfig config =
        new IndexWriterConfig()
            .setRAMBufferSizeMB(1900)
            .setMergePolicy(NoMergePolicy.INSTANCE)
            .setUseCompoundFile(false);
    try (IndexWriter writer = new IndexWriter(opened, config)) {
      for (int row = 0; row < corpus.size(); row++) {
        float[] vector = Arrays.copyOfRange(corpus.items(), row * dim, (row + 1) * dim);
        writer.addDocument(
            List.of(new KnnFloatVectorField(FIELD, vector, VectorSimilarityFunction.DOT_PRODUCT)));
      }
      writer.commit();
    }
    reader = DirectoryReader.open(opened);
    if (reader.leaves().size() != 1) {
      throw new IllegalStateException("expected one segment, found " + reader.leaves().size());
    }
  }

  @Override
  public void effort(int newCandidates) {
    candidates = newCandidates;
  }

  @Override
  public Searcher searcher() {
    if (reader == null) {
      throw new IllegalStateException("not built");
    }
    IndexSearcher searcher = new IndexSearcher(reader);
    return (query, k, rows) -> {
      ScoreDoc[] found =
          searcher.search(new KnnFloatVectorQuery(FIELD, query, candidates), k).scoreDocs;
      for (int rank = 0; rank < found.length; rank++) {
        rows[rank] = found[rank].doc;
      }
      return found.length;
    };
  }

  @Override
  public double nativeMegabytes() {
    try (Stream<Path> files = Files.list(folder)) {
      return files.mapToLong(file -> file.toFile().length()).sum() / 1e6;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    if (reader != null) {
      reader.close();
    }
    if (directory != null) {
      directory.close();
    }
    MoreFiles.deleteRecursively(folder, RecursiveDeleteOption.ALLOW_INSECURE);
  }
}
