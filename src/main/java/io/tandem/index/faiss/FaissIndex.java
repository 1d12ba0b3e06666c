package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissException;
import io.tandem.faiss.Metric;
import io.tandem.faiss.Storage;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.IndexException;
import io.tandem.index.IndexReport;
import io.tandem.index.RowSet;
import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.bytedeco.javacpp.BytePointer;
import org.jspecify.annotations.Nullable;

/**
 * A FAISS index over inner products. It owns the native memory, which {@link #close} frees.
 *
 * <p>Every size, dimension and number is checked here before FAISS sees it. Each search borrows
 * {@link SearchBuffers} from a lock-free pool that grows to as many as there are searches at once.
 *
 * <p>What FAISS leaves open is settled here. Equal scores come in order of their rows, in exact
 * search also where the cut at k falls between them. Where codes stand in for vectors that are
 * kept, more hits than asked are taken and rescored. Where a structure returns fewer hits than
 * exist, and where a filter allows so few rows that looking at each of them is cheaper than a
 * search, all rows that may be returned are scored.
 */
public final class FaissIndex implements VectorIndex {
  static final String OVER_FETCH = "overFetch";

  /** Queries handed to FAISS in one call of a batch; bounds the buffers. */
  private static final int BATCH = 256;

  /** Buffers for more hits than this are not kept. */
  private static final int KEPT_HITS = 1 << 16;

  /** Allowed rows that are always scored one by one, whatever a search costs. */
  private static final int FEW_ROWS = 1000;

  /**
   * How much more than a search looking at each allowed row may cost: a filtered search costs more
   * than an unfiltered one, and is less exact.
   */
  private static final double ROWS_PER_WORK = 1.5;

  private final Index index;
  private final Structure structure;
  private final @Nullable KeptVectors kept;
  private final ExactRows exact;
  private final String type;
  private final IndexConfig.Metric metric;
  private final int size;
  private final int dimension;
  private int overFetch;
  private int fewRows;

  private final ConcurrentLinkedQueue<SearchBuffers> pool = new ConcurrentLinkedQueue<>();
  private volatile boolean closed;

  /**
   * @param index belongs to the new one
   * @param kept belongs to the new one; null where the index's own codes score rows
   */
  FaissIndex(Index index, String type, IndexConfig.Metric metric, @Nullable KeptVectors kept) {
    this.index = index;
    this.type = type;
    this.metric = metric;
    this.kept = kept;
    size = Math.toIntExact(index.ntotal());
    dimension = index.d();
    structure = new Structure(index);
    exact = new ExactRows(index, kept == null ? null : kept.pointer());
    overFetch = 1;
    fewRows = Math.max(10 * FEW_ROWS, size / 50);
  }

  /**
   * What tells a file's index from others, and how it is searched.
   *
   * @param type name to give it, as recorded when it was written
   * @param parameters of the search, as recorded when it was built
   * @param report what was measured then
   */
  public record Facts(
      String type, int dimension, int size, Map<String, Integer> parameters, IndexReport report) {
    /** An index of inner products of which nothing more is known. */
    public Facts(String type, int dimension, int size) {
      this(type, dimension, size, Map.of(), IndexReport.unknown());
    }
  }

  /**
   * Opens an index file and, where it was written with one, the file of whole vectors beside it.
   * FAISS trusts what it reads: hand it only files whose checksum was verified.
   *
   * <p>The index is read into memory: mapped inverted lists would take locks in every search. The
   * file of vectors is mapped.
   *
   * @throws IndexException if a file cannot be read or holds another number of vectors, vectors of
   *     another dimension, or another metric than inner product
   */
  public static FaissIndex read(Path file, Facts facts) {
    Index index;
    try {
      index = Faiss.read(file, facts.dimension(), Storage.MEMORY);
    } catch (FaissException e) {
      throw new IndexException(e);
    }
    KeptVectors kept = null;
    try {
      expect(file, "vectors", facts.size(), index.ntotal());
      expect(file, "metric", Metric.INNER_PRODUCT.code(), index.metric_type());
      Path vectors = vectorsBeside(file);
      if (Files.exists(vectors)) {
        kept = KeptVectors.map(vectors, facts.size(), facts.dimension());
      }
      FaissIndex read = new FaissIndex(index, facts.type(), facts.report().metric(), kept);
      if (kept == null && !ExactRows.within(index)) {
        throw new IndexException(
            "index %s of type %s: expected its vectors in %s, found no such file"
                .formatted(file, facts.type(), vectors.getFileName()));
      }
      read.use(read.structure.effort(), facts.parameters().getOrDefault(OVER_FETCH, 1));
      read.searchWork(facts.report().searchWork());
      return read;
    } catch (RuntimeException e) {
      if (kept != null) {
        kept.close();
      }
      index.close();
      throw e;
    }
  }

  /** Where {@link #write} puts whole vectors, if it has to: {@code items.faiss}, items.vectors. */
  static Path vectorsBeside(Path file) {
    String name = file.getFileName().toString();
    int end = name.lastIndexOf('.');
    return file.resolveSibling((end < 0 ? name : name.substring(0, end)) + ".vectors");
  }

  private static void expect(Path file, String what, long expected, long found) {
    if (expected != found) {
      throw new IndexException(
          "index %s: expected %s %d, found %d".formatted(file, what, expected, found));
    }
  }

  /**
   * Writes a plain FAISS file, which any FAISS can read, and beside it the whole vectors where the
   * index keeps only codes that cannot be searched row by row. FAISS does not report a disk that
   * fills up with the last bytes: read the file back before trusting it.
   *
   * @throws IndexException if a file cannot be written
   */
  public void write(Path file) {
    try {
      Faiss.write(open(), file);
      if (kept != null) {
        kept.write(vectorsBeside(file));
      }
    } catch (FaissException e) {
      throw new IndexException(e);
    } catch (IOException e) {
      throw new IndexException("cannot write " + vectorsBeside(file) + ": " + e.getMessage(), e);
    }
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public int dimension() {
    return dimension;
  }

  @Override
  public String type() {
    return type;
  }

  @Override
  public void search(float[] query, int k, TopK result) {
    check(query, k);
    SearchBuffers buffers = borrow(query);
    try {
      searchAll(buffers, Math.min(k, size), result);
    } finally {
      giveBack(buffers);
    }
  }

  @Override
  public void search(float[] query, int k, RowSet allowed, TopK result) {
    check(query, k);
    if (allowed.bound() != size) {
      throw new IllegalArgumentException(
          "expected a set of rows below %d, found one below %d".formatted(size, allowed.bound()));
    }
    SearchBuffers buffers = borrow(query);
    try {
      searchAllowed(buffers, Math.min(k, allowed.cardinality()), allowed, result);
    } finally {
      giveBack(buffers);
    }
  }

  @Override
  public void search(float[] queries, int n, int k, int[] rows, float[] scores) {
    if (n < 0
        || queries.length < (long) n * dimension
        || rows.length < (long) n * k
        || scores.length < (long) n * k) {
      throw new IllegalArgumentException(
          "expected room for %d queries of dimension %d and %d hits each, found %d, %d and %d"
              .formatted(n, dimension, k, queries.length, rows.length, scores.length));
    }
    checkCutoff(k);
    checkFinite(queries, n * dimension);
    open();
    int take = Math.min(k, size);
    int fetch = fetchFor(take);
    SearchBuffers buffers = new SearchBuffers(Math.min(n, BATCH) * dimension, 1);
    TopK hits = new TopK();
    for (int from = 0; from < n; from += BATCH) {
      int count = Math.min(BATCH, n - from);
      buffers.query.put(0, queries, from * dimension, count * dimension);
      if (metric == IndexConfig.Metric.COSINE) {
        for (int i = 0; i < count; i++) {
          Cosine.normalize(buffers.query, i * dimension, dimension);
        }
      }
      structure.search(buffers, count, fetch);
      if (kept != null) {
        kept.rescore(buffers, count, fetch, take, null, 0);
      }
      for (int i = 0; i < count; i++) {
        buffers.collect(i * fetch, take, hits);
        hits.sortTies();
        if (hits.size() < take) {
          search(query(queries, from + i), k, hits);
        }
        for (int rank = 0; rank < k; rank++) {
          boolean found = rank < hits.size();
          rows[(from + i) * k + rank] = found ? hits.row(rank) : -1;
          scores[(from + i) * k + rank] = found ? hits.score(rank) : 0;
        }
      }
    }
  }

  private float[] query(float[] queries, int i) {
    float[] query = new float[dimension];
    System.arraycopy(queries, i * dimension, query, 0, dimension);
    return query;
  }

  @Override
  public boolean keepsVectors() {
    Index open = open();
    return kept != null || Faiss.call(() -> faiss.keeps_vectors(open));
  }

  @Override
  public void vector(int row, float[] target) {
    if (row < 0 || row >= size || target.length < dimension) {
      throw new IllegalArgumentException(
          "expected a row from 0 and below %d and room for %d numbers, found %d and %d"
              .formatted(size, dimension, row, target.length));
    }
    Index open = open();
    if (kept != null) {
      kept.vector(row, target);
      return;
    }
    try {
      Faiss.run(() -> open.reconstruct(row, target));
    } catch (FaissException e) {
      throw new IndexException(
          "index %s keeps nothing that a vector can be read from".formatted(type), e);
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      pool.clear();
      structure.close();
      index.close();
      if (kept != null) {
        kept.close();
      }
    }
  }

  /**
   * Makes the flat index that whole vectors are kept in this one's own, if any are kept.
   *
   * @return whether it did
   */
  boolean takeOver(Index flat) {
    if (kept == null) {
      return false;
    }
    kept.own(flat);
    return true;
  }

  /** Sets how much searches look at; none may be running. */
  void use(int effort, int newOverFetch) {
    structure.effort(effort);
    overFetch = kept == null ? 1 : newOverFetch;
  }

  /** Sets what a search costs, in comparisons of a scan: decides when allowed rows are few. */
  void searchWork(double work) {
    if (work > 0) {
      fewRows = (int) Math.min(size, Math.max(FEW_ROWS, ROWS_PER_WORK * work));
    }
  }

  /** Sets how many allowed rows are few enough to look at each. */
  void fewRows(int rows) {
    fewRows = rows;
  }

  /** Memory that the index takes when open; vectors mapped from a file beside it do not count. */
  long bytes() {
    Index open = open();
    return structure.bytes() + Faiss.call(() -> faiss.held_bytes(open));
  }

  Structure structure() {
    return structure;
  }

  /** Whether hits of the structure are scored again by whole vectors. */
  boolean rescores() {
    return kept != null;
  }

  private void searchAll(SearchBuffers buffers, int take, TopK result) {
    if (take == 0) {
      result.reset(0);
    } else if (structure.kind() == Structure.Kind.FLAT) {
      exact.search(buffers, take, null, 0, result);
      result.scanned(size);
    } else {
      int fetch = fetchFor(take);
      long scanned = structure.search(buffers, 1, fetch);
      collect(buffers, fetch, take, null, 0, size, scanned, result);
    }
  }

  private void searchAllowed(SearchBuffers buffers, int take, RowSet allowed, TopK result) {
    if (take == 0) {
      result.reset(0);
      return;
    }
    allowed.copyTo(buffers.reserveBits(allowed.words()));
    BytePointer bits = Objects.requireNonNull(buffers.bitsPointer());
    long bytes = (long) allowed.words() * Long.BYTES;
    if (structure.kind() == Structure.Kind.FLAT || allowed.cardinality() <= fewRows) {
      exact.search(buffers, take, bits, bytes, result);
      result.scanned(allowed.cardinality());
    } else {
      double share = (double) allowed.cardinality() / size;
      int fetch = fetchFor(take);
      if (!structure.filters()) {
        fetch = (int) Math.min(size, Math.ceil(fetch / share));
      }
      long scanned = structure.searchAllowed(buffers, fetch, bits, bytes, share);
      collect(buffers, fetch, take, bits, bytes, allowed.cardinality(), scanned, result);
    }
  }

  /**
   * Hits of the structure become results; where they are too few, every row is looked at.
   *
   * @param rows that may be returned
   * @param scanned by the structure
   */
  private void collect(
      SearchBuffers buffers,
      int fetch,
      int take,
      @Nullable BytePointer bits,
      long bytes,
      int rows,
      long scanned,
      TopK result) {
    if (kept != null) {
      kept.rescore(buffers, 1, fetch, take, bits, bytes);
    }
    buffers.collect(0, take, result);
    long compared = scanned;
    if (result.size() < take) {
      exact.search(buffers, take, bits, bytes, result);
      compared += rows;
    }
    result.scanned(compared);
    result.sortTies();
  }

  private int fetchFor(int take) {
    return (int) Math.min(size, (long) take * overFetch);
  }

  private SearchBuffers borrow(float[] query) {
    open();
    SearchBuffers buffers = pool.poll();
    if (buffers == null) {
      buffers = new SearchBuffers(dimension, 128);
    }
    buffers.query.put(0, query);
    if (metric == IndexConfig.Metric.COSINE) {
      Cosine.normalize(buffers.query, 0, dimension);
    }
    return buffers;
  }

  private void giveBack(SearchBuffers buffers) {
    if (buffers.capacity() <= KEPT_HITS) {
      pool.offer(buffers);
    }
  }

  private Index open() {
    if (closed) {
      throw new IllegalStateException("index " + type + " is closed");
    }
    return index;
  }

  private void check(float[] query, int k) {
    if (query.length != dimension) {
      throw new IllegalArgumentException(
          "expected a query of dimension %d, found %d".formatted(dimension, query.length));
    }
    checkCutoff(k);
    checkFinite(query, dimension);
  }

  private static void checkCutoff(int k) {
    if (k < 1) {
      throw new IllegalArgumentException("expected k of at least 1, found " + k);
    }
  }

  private void checkFinite(float[] queries, int count) {
    for (int i = 0; i < count; i++) {
      if (!Float.isFinite(queries[i])) {
        throw new IllegalArgumentException(
            "expected finite numbers, found %s at %d of query %d"
                .formatted(queries[i], i % dimension, i / dimension));
      }
    }
  }
}
