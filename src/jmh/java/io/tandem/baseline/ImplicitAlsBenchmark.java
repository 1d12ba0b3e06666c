package io.tandem.baseline;

import io.tandem.baseline.ImplicitAls.Next;
import io.tandem.baseline.ImplicitAls.Settings;
import io.tandem.baseline.ImplicitAls.State;
import io.tandem.data.Interactions;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * How long does a sweep of iALS take, and what share of the machine's matrix rate does it reach?
 * How long does the vector of an unknown query with 30 items take?
 *
 * <p>Queries and items are drawn from Zipf distributions (exponents 0.5 and 0.9), seeded. In each
 * round, interleaved: ND4J's own product of 2048² matrices and a sweep, all cores for both. Medians
 * over rounds. Operations are those of the algorithm as {@link ImplicitAls} states them, rotations
 * and Gramians included.
 *
 * <pre>
 * scripts/bench.sh io.tandem.baseline.ImplicitAlsBenchmark [DIM] [ROUNDS] [QUERIES] [ITEMS] [PAIRS]
 * </pre>
 */
public final class ImplicitAlsBenchmark {
  private static final int PEAK = 2048;

  private ImplicitAlsBenchmark() {}

  /** Runs the benchmark. */
  public static void main(String[] arguments) {
    int dim = argument(arguments, 0, 64);
    int rounds = argument(arguments, 1, 7);
    int queries = argument(arguments, 2, 30_000);
    int items = argument(arguments, 3, 40_000);
    int threads = Runtime.getRuntime().availableProcessors();
    Interactions train = zipf(queries, items, argument(arguments, 4, 1_000_000));
    ImplicitAls als =
        new ImplicitAls(
            train, items, new Settings(dim, rounds + 2, 0.05, 0.003, 1, 0.1, 1, threads));
    SparseRows byQuery = SparseRows.of(train, items);
    double flops = flops(byQuery, items, dim) + flops(byQuery.transposed(items), queries, dim);
    INDArray a = Nd4j.rand(DataType.FLOAT, PEAK, PEAK);
    INDArray b = Nd4j.rand(DataType.FLOAT, PEAK, PEAK);
    INDArray c = Nd4j.createUninitialized(DataType.FLOAT, new long[] {PEAK, PEAK}, 'f');
    double[] seconds = new double[rounds + 2];
    double[] peak = new double[rounds + 2];
    State trained =
        als.train(
            als.start(),
            (progress, state) -> {
              seconds[progress.sweep() - 1] = progress.seconds();
              long start = System.nanoTime();
              Nd4j.gemm(a, b, c, false, false, 1, 0);
              peak[progress.sweep() - 1] = 2.0 * PEAK * PEAK * PEAK / (System.nanoTime() - start);
              System.out.printf(
                  Locale.ROOT,
                  "sweep %d: %.2f s, objective %.1f%n",
                  progress.sweep(),
                  progress.seconds(),
                  progress.objective());
              return Next.CONTINUE;
            });
    double sweep = median(seconds);
    System.out.printf(
        Locale.ROOT,
        "%,d x %,d, %,d pairs, dim %d, %d threads: %.2f s a sweep, %.1f GFLOP, %.1f GFLOP/s;"
            + " SGEMM %d²: %.1f GFLOP/s (%.0f %%)%n",
        queries,
        items,
        byQuery.columns().length,
        dim,
        threads,
        sweep,
        flops / 1e9,
        flops / 1e9 / sweep,
        PEAK,
        median(peak),
        100 * flops / 1e9 / sweep / median(peak));
    System.out.printf(Locale.ROOT, "fold-in: %.0f µs%n", foldIn(als.foldIn(trained), items));
  }

  /** Median microseconds of one thread. */
  private static double foldIn(FoldIn foldIn, int items) {
    SplittableRandom random = new SplittableRandom(2);
    FoldIn.Scratch scratch = foldIn.scratch();
    float[] target = new float[foldIn.dim()];
    double[] micros = new double[3000];
    for (int i = 0; i < micros.length; i++) {
      int[] drawn = random.ints(30, 0, items).toArray();
      long start = System.nanoTime();
      foldIn.solve(drawn, null, drawn.length, scratch, target);
      micros[i] = (System.nanoTime() - start) / 1e3;
    }
    return median(micros);
  }

  private static double flops(SparseRows rows, int others, int dim) {
    double d = dim;
    RowSolver solver = new RowSolver(dim);
    double total = 2 * d * d * others + 3 * d * d * rows.rows();
    for (int row = 0; row < rows.rows(); row++) {
      double n = rows.count(row);
      total +=
          solver.isShort(rows.count(row)) ? n * n * d + n * n * n / 3 : n * d * d + d * d * d / 3;
    }
    return total;
  }

  private static Interactions zipf(int queries, int items, int pairs) {
    SplittableRandom random = new SplittableRandom(1);
    int[] owners = draw(queries, 0.5, pairs, random);
    int[] drawn = draw(items, 0.9, pairs, random);
    int[] offsets = new int[queries + 1];
    for (int owner : owners) {
      offsets[owner + 1]++;
    }
    for (int query = 0; query < queries; query++) {
      offsets[query + 1] += offsets[query];
    }
    return new Interactions(offsets, drawn, new long[0], new float[0]);
  }

  private static int[] draw(int count, double exponent, int draws, SplittableRandom random) {
    double[] cumulated = new double[count];
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += Math.pow(i + 1, -exponent);
      cumulated[i] = sum;
    }
    double total = sum;
    return IntStream.range(0, draws)
        .map(
            i -> {
              int found = Arrays.binarySearch(cumulated, random.nextDouble() * total);
              return Math.min(count - 1, found < 0 ? -found - 1 : found);
            })
        .toArray();
  }

  /** Of the rounds after the first two, in which the JIT still compiles. */
  private static double median(double[] values) {
    double[] sorted = Arrays.copyOfRange(values, 2, values.length);
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static int argument(String[] arguments, int place, int otherwise) {
    return arguments.length > place ? Integer.parseInt(arguments[place]) : otherwise;
  }
}
