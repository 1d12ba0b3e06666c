package io.tandem.faiss;

import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/**
 * The door to FAISS: loads the native library and turns its failures into {@link FaissException}.
 *
 * <pre>{@code
 * try (Index index = Faiss.create(dimension, "IVF256,Flat", Metric.INNER_PRODUCT)) {
 *   Faiss.run(() -> index.train(n, vectors));
 *   Faiss.run(() -> index.add(n, vectors));
 *   Faiss.run(() -> faiss.search(index, 1, query, k, nprobe, null, scores, rows));
 *   Faiss.write(index, path);
 * }
 * }</pre>
 *
 * <p>Use a class of the generated binding only after {@link #load} or another method of this class,
 * which checks that this machine can run the library before it is loaded.
 *
 * <p>All methods are safe to call from any thread. An index may be searched by many threads at once
 * and changed by one alone; closing it while another thread searches ends the process.
 *
 * <p>FAISS and ND4J share OpenMP, whose idle threads by default spin: on shared cores that stalls
 * both for seconds. A process reads the remedy from its environment at start, so that nothing in
 * here can set it: {@code OMP_WAIT_POLICY=PASSIVE} and {@code GOMP_SPINCOUNT=0}.
 *
 * <p>An index lives outside the Java heap, and tables may be mapped beside it. JavaCPP refuses new
 * buffers once a process holds more memory than about twice the heap's limit. Loading lifts that
 * limit where the process sets none and has not used JavaCPP before; a process that uses ND4J first
 * starts with {@code -Dorg.bytedeco.javacpp.maxphysicalbytes=0}.
 */
public final class Faiss {
  private static final BuildInfo BUILD = BuildInfo.read();

  private Faiss() {}

  /**
   * Loads the native library, once.
   *
   * @return what was loaded
   * @throws FaissException if this machine lacks instructions that the library was compiled for, or
   *     the library cannot be loaded
   */
  public static BuildInfo load() {
    if (Library.FAILURE != null) {
      throw new FaissException(Library.FAILURE);
    }
    return BUILD;
  }

  /** What the library was built from; known without loading it. */
  public static BuildInfo buildInfo() {
    return BUILD;
  }

  /**
   * Sets how many threads one FAISS call may use, for all calling threads from now on. A service
   * that answers queries on many threads wants 1; a build wants all cores. OpenMP keeps the number
   * per calling thread and ND4J reads it there too.
   *
   * @param threads at least 1
   */
  public static void setThreads(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("expected at least 1 thread, found " + threads);
    }
    load();
    faiss.set_threads(threads);
  }

  /** How many threads a FAISS call from this thread may use. */
  public static int threads() {
    load();
    return faiss.threads();
  }

  /**
   * Whether codes of 8 bits are compared in vectors of 512 bits, by AVX-512 VNNI: as the processor
   * can. Results are the same.
   */
  public static boolean comparesWide() {
    load();
    return faiss.uses_wide();
  }

  /**
   * The processor whose kernels OpenBLAS computes with, such as {@code "Haswell"}: an old one where
   * it does not know the processor at hand and {@code OPENBLAS_CORETYPE} names none.
   */
  public static String blasKernels() {
    load();
    return faiss.blas_kernels().getString();
  }

  /**
   * Makes an empty index. It belongs to the caller, who closes it.
   *
   * @param dimension components of a vector
   * @param factory FAISS's description, such as {@code "Flat"}, {@code "HNSW32"} or {@code
   *     "OPQ16,IVF1024,PQ16"}
   */
  public static Index create(int dimension, String factory, Metric metric) {
    return call(() -> faiss.create_index(dimension, factory, metric.code()));
  }

  /**
   * Opens an index file. The index belongs to the caller, who closes it.
   *
   * @param dimension components of a vector; a file with another number is refused
   */
  public static Index read(Path file, int dimension, Storage storage) {
    load();
    Index index;
    try {
      index = call(() -> faiss.open_index(file.toString(), storage.flags()));
    } catch (FaissException e) {
      throw new FaissException("cannot read index " + file + ": " + e.getMessage(), e);
    }
    int found = index.d();
    if (found != dimension) {
      index.close();
      throw new FaissException(
          String.format("index %s: expected dimension %d, found %d", file, dimension, found));
    }
    return index;
  }

  /** Writes an index as a plain FAISS file, which any FAISS can read. */
  public static void write(Index index, Path file) {
    try {
      run(() -> faiss.write_index(index, file.toString()));
    } catch (FaissException e) {
      throw new FaissException("cannot write index " + file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Runs calls of the generated binding with the thread count of {@link #setThreads}.
   *
   * @throws FaissException if FAISS refuses
   */
  public static <T> T call(Supplier<T> calls) {
    load();
    try {
      faiss.apply_threads();
      return calls.get();
    } catch (RuntimeException e) {
      // The binding throws this very class and no other.
      throw e.getClass() == RuntimeException.class ? FaissException.of(e) : e;
    }
  }

  /** As {@link #call}, without a result. */
  public static void run(Runnable calls) {
    call(
        () -> {
          calls.run();
          return true;
        });
  }

  /** Loads on first use, under the JVM's own lock, and keeps the outcome for every later call. */
  private static final class Library {
    private static final String LIMIT = "org.bytedeco.javacpp.maxphysicalbytes";

    /** Why the library cannot be used, or null. */
    private static final @Nullable String FAILURE = load();

    private static @Nullable String load() {
      try {
        Cpu.require(BUILD.optLevel(), Cpu.flags());
        liftMemoryLimit();
        Loader.load(faiss.class);
        return null;
      } catch (FaissException e) {
        return e.getMessage();
      } catch (LinkageError e) {
        return "cannot load FAISS's native library: " + e.getMessage();
      }
    }

    /** JavaCPP reads the limit once, when its first class is used. */
    private static void liftMemoryLimit() {
      if (System.getProperty(LIMIT) == null
          && System.getProperty("org.bytedeco.javacpp.maxPhysicalBytes") == null) {
        System.setProperty(LIMIT, "0");
      }
    }
  }
}
