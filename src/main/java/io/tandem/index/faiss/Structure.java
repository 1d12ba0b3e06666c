package io.tandem.index.faiss;

import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissException;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.IndexHNSW;
import io.tandem.faiss.binding.IndexIVF;
import io.tandem.faiss.binding.SearchCodes;
import io.tandem.faiss.binding.global.faiss;
import org.bytedeco.javacpp.BytePointer;
import org.jspecify.annotations.Nullable;

/**
 * A native index as far as its kind makes a difference to searching it. It belongs to whoever made
 * the structure; what the structure makes for itself, {@link #close} frees.
 */
final class Structure implements AutoCloseable {
  /** How wide a filtered fast scan looks, in multiples of its own width. */
  private static final int WIDENED = 3;

  /**
   * How many more lists a filtered search looks into: this power of how many more rows there are
   * than allowed ones. Testing a row costs less than comparing its vector.
   */
  private static final double WIDER = 0.45;

  /** The same for codes of 8 bits a component, which are compared faster. */
  private static final double WIDER_OVER_CODES = 0.2;

  /** Shares of allowed rows below which a graph's walk skips all others, as in the native code. */
  private static final double SKIPPED = 0.75;

  /** Effort of such a walk where next to none is allowed, as a share of an unfiltered one's. */
  private static final double LEAST_EFFORT = 0.33;

  /** What is searched. */
  enum Kind {
    /** Whole vectors, one after the other. */
    FLAT,
    /** A graph; its effort is efSearch. */
    GRAPH,
    /** Inverted lists; their effort is nprobe. */
    LISTS,
    /** Inverted lists that take no filter, and their effort from one place only. */
    FAST_SCAN,
    /** Anything else; nothing to set. */
    OTHER
  }

  private final Index index;
  private final Kind kind;
  private final boolean filters;
  private final double wider;
  private final @Nullable IndexHNSW graph;
  private final @Nullable IndexIVF lists;
  private final @Nullable SearchCodes codes;

  /** What a fast scan goes through: the index's lists with a number of probes. */
  private @Nullable Index narrow;

  private @Nullable Index widened;

  Structure(Index index) {
    this.index = index;
    graph = faiss.graph(index);
    lists = faiss.inverted_file(index);
    filters = takesFilters(index);
    wider = scansCodes() ? WIDER_OVER_CODES : WIDER;
    codes = Faiss.call(() -> faiss.search_codes(index));
    if (graph != null) {
      kind = Kind.GRAPH;
    } else if (lists != null) {
      kind = filters ? Kind.LISTS : Kind.FAST_SCAN;
    } else {
      // Flat vectors behind a transform are of another space than the vectors that were added.
      var flat = faiss.flat(index);
      kind = flat != null && flat.address() == index.address() ? Kind.FLAT : Kind.OTHER;
    }
    if (lists != null && filters) {
      // Where each row is, for scoring and reading single rows.
      Faiss.run(lists::make_direct_map);
    }
  }

  Index index() {
    return index;
  }

  Kind kind() {
    return kind;
  }

  /** FAISS's name of the effort, or null where there is none. */
  @Nullable String effortName() {
    return switch (kind) {
      case GRAPH -> "efSearch";
      case LISTS, FAST_SCAN -> "nprobe";
      case FLAT, OTHER -> null;
    };
  }

  int effort() {
    if (graph != null) {
      return graph.hnsw().efSearch();
    }
    return lists == null ? 0 : Math.toIntExact(lists.nprobe());
  }

  /** Sets how much searches look at; none may be running. */
  void effort(int value) {
    if (graph != null) {
      graph.hnsw().efSearch(value);
    } else if (lists != null) {
      lists.nprobe(Math.min(value, listCount()));
      if (kind == Kind.FAST_SCAN) {
        closeShared();
        int probes = Math.min(listCount(), value);
        int wider = Math.min(listCount(), WIDENED * value);
        narrow = Faiss.call(() -> faiss.with_probes(index, probes));
        widened = Faiss.call(() -> faiss.with_probes(index, wider));
      }
    }
  }

  /** Whether lists are of 8 bits a component, which are compared faster than vectors. */
  boolean scansCodes() {
    return Faiss.call(() -> faiss.scans_codes(index));
  }

  /** Number of inverted lists, 0 for other kinds. */
  int listCount() {
    return lists == null ? 0 : Math.toIntExact(lists.asLevel1Quantizer().nlist());
  }

  /** Whether it takes a filter itself. */
  boolean filters() {
    return filters;
  }

  /**
   * Searches with the set effort; results go to the buffers.
   *
   * @return vectors or codes compared, where the kind counts them, else 0; a fast scan counts them
   *     for one query
   */
  long search(SearchBuffers buffers, int n, int fetch) {
    buffers.reserve(n * fetch);
    Index searched = narrow != null ? narrow : index;
    return Faiss.call(
        () ->
            faiss.search_coded(
                searched,
                codes,
                n,
                buffers.queryPointer,
                fetch,
                0,
                null,
                buffers.scoresPointer(),
                buffers.labelsPointer()));
  }

  /**
   * Searches among some rows with an effort that makes up for those left out. Where the kind takes
   * no filter, hits may be of rows that are not allowed.
   *
   * @param bits the allowed rows
   * @param share of the rows that is allowed
   * @return as {@link #search}
   */
  long searchAllowed(SearchBuffers buffers, int fetch, BytePointer bits, long bytes, double share) {
    buffers.reserve(fetch);
    if (!filters) {
      Index narrowed = narrow != null ? narrow : index;
      Index wide = share < 0.5 && widened != null ? widened : narrowed;
      return Faiss.call(
          () ->
              faiss.search(
                  wide,
                  1,
                  buffers.queryPointer,
                  fetch,
                  0,
                  null,
                  buffers.scoresPointer(),
                  buffers.labelsPointer()));
    }
    int effort = effortFor(share);
    return Faiss.call(
        () ->
            faiss.search_coded_bitmap(
                index,
                codes,
                1,
                buffers.queryPointer,
                fetch,
                effort,
                bits,
                bytes,
                buffers.scoresPointer(),
                buffers.labelsPointer()));
  }

  /** Memory that is taken beside the index's own. */
  long bytes() {
    return codes == null ? 0 : codes.bytes();
  }

  /** Frees what was made for searching; the index stays. */
  @Override
  public void close() {
    if (codes != null) {
      codes.close();
    }
    closeShared();
  }

  private void closeShared() {
    for (Index shared : new @Nullable Index[] {narrow, widened}) {
      if (shared != null) {
        shared.close();
      }
    }
    narrow = null;
    widened = null;
  }

  /**
   * The effort whose cost is that of an unfiltered search, or up to twice that. A graph passes the
   * rows left out where those are few; where they are many it skips them, and sees more of the
   * others for it with less effort. Lists only test rows.
   */
  private int effortFor(double share) {
    return switch (kind) {
      case GRAPH ->
          (int)
              Math.ceil(
                  share < SKIPPED
                      ? effort() * (LEAST_EFFORT + (1 - LEAST_EFFORT) * share)
                      : effort() / share);
      case LISTS -> (int) Math.min(listCount(), Math.ceil(effort() * Math.pow(share, -wider)));
      case FLAT, FAST_SCAN, OTHER -> 0;
    };
  }

  /** Asks the index itself: types that take no search parameters say so when they get some. */
  private static boolean takesFilters(Index index) {
    byte[] none = new byte[Long.BYTES];
    try {
      Faiss.run(
          () ->
              faiss.search_bitmap(
                  index,
                  1,
                  new float[index.d()],
                  1,
                  1,
                  none,
                  none.length,
                  new float[1],
                  new long[1]));
      return true;
    } catch (FaissException e) {
      return false;
    }
  }
}
