package io.tandem.index.faiss;

import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissException;
import io.tandem.faiss.Metric;
import io.tandem.faiss.Storage;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.IndexIVF;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.IndexException;
import io.tandem.index.RowSet;
import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * A FAISS index over inner products. It owns the native memory, which {@link #close} frees.
 *
 * <p>Every size, dimension and number is checked here before FAISS sees it. Each search borrows
 * {@link SearchBuffers} from a lock-free pool that grows to as many as there are searches at once.
 *
 * <p>What FAISS leaves open is settled here: equal scores come in order of their rows, also where
 * the cut at k falls between them in a Flat index; and where a graph or inverted lists return fewer
 * hits than exist, the search is done again over all vectors.
 */
public final class FaissIndex implements VectorIndex {
  /** Queries handed to FAISS in one call of a batch; bounds the buffers. */
  private static final int BATCH = 256;

  /** Buffers for more hits than this are not kept. */
  private static final int KEPT_HITS = 1 << 16;

  /** Allowed rows up to which scoring each of them is cheaper than a filtered walk of a graph. */
  private static final int FEW_ROWS = 10_000;

  private final Index index;
  private final Parts parts;
  private final String type;
  private final int size;
  private final int dimension;

  /** The whole vectors, for exact search; null where only codes are kept. */
  private final @Nullable ExactRows exact;

  private final ConcurrentLinkedQueue<SearchBuffers> pool = new ConcurrentLinkedQueue<>();
  private volatile boolean closed;

  FaissIndex(Index index, String type) {
    this.index = index;
    this.type = type;
    this.size = Math.toIntExact(index.ntotal());
    this.dimension = index.d();
    this.parts = Parts.of(index);
    this.exact = parts.vectors() == null ? null : new ExactRows(parts.vectors(), size);
    IndexIVF lists = parts.lists();
    if (lists != null && parts.filters()) {
      // Where each row is, for reading vectors back.
      Faiss.run(lists::make_direct_map);
    }
  }

  /**
   * Opens an index file. FAISS trusts what it reads: hand it only files whose checksum was
   * verified.
   *
   * <p>The file is read into memory: mapped inverted lists would take locks in every search.
   *
   * @param type name to give it, as recorded when it was written
   * @throws IndexException if the file cannot be read or holds another number of vectors, vectors
   *     of another dimension, or another metric than inner product
   */
  public static FaissIndex read(Path file, String type, int dimension, int size) {
    Index index;
    try {
      index = Faiss.read(file, dimension, Storage.MEMORY);
    } catch (FaissException e) {
      throw new IndexException(e);
    }
    try {
      expect(file, "vectors", size, index.ntotal());
      expect(file, "metric", Metric.INNER_PRODUCT.code(), index.metric_type());
      return new FaissIndex(index, type);
    } catch (RuntimeException e) {
      index.close();
      throw e;
    }
  }

  private static void expect(Path file, String what, long expected, long found) {
    if (expected != found) {
      throw new IndexException(
          "index %s: expected %s %d, found %d".formatted(file, what, expected, found));
    }
  }

  /**
   * Writes a plain FAISS file, which any FAISS can read. FAISS does not report a disk that fills up
   * with the last bytes: read the file back before trusting it.
   *
   * @throws IndexException if the file cannot be written
   */
  public void write(Path file) {
    try {
      Faiss.write(open(), file);
    } catch (FaissException e) {
      throw new IndexException(e);
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
    SearchBuffers buffers = new SearchBuffers(Math.min(n, BATCH) * dimension, 1);
    TopK hits = new TopK();
    for (int from = 0; from < n; from += BATCH) {
      int count = Math.min(BATCH, n - from);
      buffers.query.put(0, queries, from * dimension, count * dimension);
      run(buffers, count, take, 0);
      for (int i = 0; i < count; i++) {
        buffers.collect(i * take, take, hits);
        hits.sortTies();
        if (hits.size() < take && canSearchWhole()) {
          float[] query = new float[dimension];
          System.arraycopy(queries, (from + i) * dimension, query, 0, dimension);
          search(query, k, hits);
        }
        for (int rank = 0; rank < k; rank++) {
          boolean found = rank < hits.size();
          rows[(from + i) * k + rank] = found ? hits.row(rank) : -1;
          scores[(from + i) * k + rank] = found ? hits.score(rank) : 0;
        }
      }
    }
  }

  @Override
  public void vector(int row, float[] target) {
    if (row < 0 || row >= size || target.length < dimension) {
      throw new IllegalArgumentException(
          "expected a row from 0 and below %d and room for %d numbers, found %d and %d"
              .formatted(size, dimension, row, target.length));
    }
    Index open = open();
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
      index.close();
    }
  }

  private void searchAll(SearchBuffers buffers, int take, TopK result) {
    if (take == 0) {
      result.reset(0);
      return;
    }
    // One more than asked shows whether equal scores lie on both sides of the cut.
    int fetch = parts.isFlat() ? Math.min(take + 1, size) : take;
    run(buffers, 1, fetch, 0);
    buffers.collect(0, fetch, result);
    if (result.size() < take) {
      searchWhole(buffers, take, result);
    } else if (exact != null && fetch > take && result.score(take) == result.score(take - 1)) {
      exact.settleCut(buffers, take, null, result);
    }
    result.truncate(take);
    result.sortTies();
  }

  /** The structure lost rows on its way: looks at all of them. */
  private void searchWhole(SearchBuffers buffers, int take, TopK result) {
    if (exact != null) {
      exact.search(buffers, take, result);
    } else if (canSearchWhole()) {
      run(buffers, 1, take, lists());
      buffers.collect(0, take, result);
    }
  }

  private void searchAllowed(SearchBuffers buffers, int take, RowSet allowed, TopK result) {
    if (take == 0) {
      result.reset(0);
    } else if (exact != null && isFew(allowed)) {
      exact.search(buffers, take, allowed, result);
    } else if (!parts.filters()) {
      searchWidening(buffers, take, allowed, result);
    } else {
      searchFiltered(buffers, take, allowed, result);
    }
  }

  private boolean isFew(RowSet allowed) {
    int few = parts.isFlat() ? size / 4 : Math.max(FEW_ROWS, size / 50);
    return allowed.cardinality() <= few;
  }

  /** Filters within FAISS. */
  private void searchFiltered(SearchBuffers buffers, int take, RowSet allowed, TopK result) {
    allowed.copyTo(buffers.reserveBits(allowed.words()));
    long bytes = (long) allowed.words() * Long.BYTES;
    int fetch = parts.isFlat() ? Math.min(take + 1, allowed.cardinality()) : take;
    runFiltered(buffers, fetch, 0, bytes);
    buffers.collect(0, fetch, result);
    if (result.size() < take) {
      if (exact != null) {
        exact.search(buffers, take, allowed, result);
      } else if (canSearchWhole()) {
        runFiltered(buffers, take, lists(), bytes);
        buffers.collect(0, take, result);
      }
    } else if (exact != null && fetch > take && result.score(take) == result.score(take - 1)) {
      exact.settleCut(buffers, take, allowed, result);
    }
    result.truncate(take);
    result.sortTies();
  }

  /** Asks for more and more, and filters here. */
  private void searchWidening(SearchBuffers buffers, int take, RowSet allowed, TopK result) {
    int fetch = take;
    do {
      fetch = (int) Math.min(size, 4L * fetch);
      run(buffers, 1, fetch, 0);
      result.reset(fetch);
      for (int i = 0; i < fetch; i++) {
        long label = buffers.labels().get(i);
        if (label >= 0 && allowed.contains((int) label)) {
          result.add((int) label, buffers.scores().get(i));
        }
      }
    } while (result.size() < take && fetch < size);
    result.truncate(take);
    result.sortTies();
  }

  private void run(SearchBuffers buffers, int n, int fetch, int effort) {
    buffers.reserve(n * fetch);
    Faiss.run(
        () ->
            faiss.search(
                index,
                n,
                buffers.queryPointer,
                fetch,
                effort,
                null,
                buffers.scoresPointer(),
                buffers.labelsPointer()));
  }

  private void runFiltered(SearchBuffers buffers, int fetch, int effort, long bytes) {
    buffers.reserve(fetch);
    Faiss.run(
        () ->
            faiss.search_bitmap(
                index,
                1,
                buffers.queryPointer,
                fetch,
                effort,
                buffers.bitsPointer(),
                bytes,
                buffers.scoresPointer(),
                buffers.labelsPointer()));
  }

  /** Whether a second search can look at every row where the first lost some. */
  private boolean canSearchWhole() {
    return exact != null || (parts.lists() != null && parts.filters());
  }

  private int lists() {
    IndexIVF lists = parts.lists();
    return lists == null ? 0 : Math.toIntExact(lists.asLevel1Quantizer().nlist());
  }

  private SearchBuffers borrow(float[] query) {
    open();
    SearchBuffers buffers = pool.poll();
    if (buffers == null) {
      buffers = new SearchBuffers(dimension, 128);
    }
    buffers.query.put(0, query);
    return buffers;
  }

  private void giveBack(SearchBuffers buffers) {
    if (buffers.capacity() <= KEPT_HITS) {
      pool.offer(buffers);
    }
  }

  Parts parts() {
    return parts;
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
