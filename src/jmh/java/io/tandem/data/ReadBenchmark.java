package io.tandem.data;

import io.tandem.config.DataSpec;
import io.tandem.config.SourceSpec;
import io.tandem.config.SplitSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Locale;

/**
 * How fast interactions in CSV become encoded, sorted and split columns, beside the time that
 * DuckDB's own scan of the same file takes, and how much memory the process needs at its peak.
 *
 * <p>{@code TANDEM_JAVA_OPTS=-Xmx2g scripts/bench.sh io.tandem.data.ReadBenchmark [ROWS] [ROUNDS]}
 *
 * <p>The file is seeded: skewed queries and items in no order, a rating and a time. Scan and read
 * take turns, so that neither meets a warmer file than the other.
 */
public final class ReadBenchmark {
  private ReadBenchmark() {}

  /** Prints rates (rows a second, medians) and peak memory. */
  public static void main(String[] arguments) throws IOException, SQLException {
    int rows = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 20_000_000;
    int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 3;
    Path folder = Files.createTempDirectory("tandem-bench");
    Path file = folder.resolve("ratings.csv");
    try {
      generate(file, rows);
      double[] scans = new double[rounds];
      double[] reads = new double[rounds];
      for (int round = 0; round < rounds; round++) {
        scans[round] = rows / seconds(() -> scan(file));
        reads[round] = rows / seconds(() -> read(file, rows));
        System.out.printf(
            Locale.ROOT,
            "round %d: DuckDB scan %,.0f rows/s, read and encode %,.0f rows/s%n",
            round + 1,
            scans[round],
            reads[round]);
      }
      Arrays.sort(scans);
      Arrays.sort(reads);
      System.out.printf(
          Locale.ROOT,
          "%,d rows (%,d MB), medians of %d: DuckDB scan %,.0f rows/s, read and encode %,.0f rows/s"
              + " (%.2f of the scan); heap limit %,d MB, peak of the process %s%n",
          rows,
          Files.size(file) >> 20,
          rounds,
          scans[rounds / 2],
          reads[rounds / 2],
          reads[rounds / 2] / scans[rounds / 2],
          Runtime.getRuntime().maxMemory() >> 20,
          peakMemory());
    } finally {
      Files.deleteIfExists(file);
      Files.delete(folder);
    }
  }

  private static void generate(Path file, int rows) throws SQLException {
    execute(
        """
        COPY (SELECT
          floor(pow(hash(range * 4 + 1) %% 1000003 / 1000003.0, 2) * %d)::INTEGER AS userId,
          floor(pow(hash(range * 4 + 2) %% 1000003 / 1000003.0, 3) * 27000)::INTEGER AS movieId,
          (1 + hash(range * 4 + 3) %% 9) / 2.0 AS rating,
          1000000000 + hash(range * 4) %% 500000000 AS timestamp
        FROM range(%d)) TO %s (HEADER)"""
            .formatted(Math.max(1, rows / 145), rows, Database.quote(file.toString())));
  }

  private static void scan(Path file) throws SQLException {
    execute(
        """
        SELECT count(*), max(userId), max(movieId), sum(rating), max(timestamp) FROM
        read_csv(%s, types = {'userId': 'VARCHAR', 'movieId': 'VARCHAR'})"""
            .formatted(Database.quote(file.toString())));
  }

  private static void read(Path file, int rows) {
    DataSpec spec =
        new DataSpec(
            new DataSpec.InteractionsSpec(
                SourceSpec.file(file), "userId", "movieId", "timestamp", "rating"),
            null,
            null,
            new SplitSpec.LeaveLastOut());
    try (Dataset dataset = DatasetReader.read(spec)) {
      Dataset.Split split = dataset.split();
      int read = split.train().size() + split.validation().size() + split.test().size();
      if (read != rows) {
        throw new IllegalStateException("read %d rows of %d".formatted(read, rows));
      }
    }
  }

  private static void execute(String sql) throws SQLException {
    try (Connection duckdb = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = duckdb.createStatement()) {
      statement.execute(sql);
    }
  }

  /** Work that is timed. */
  private interface Work {
    void run() throws SQLException;
  }

  private static double seconds(Work work) throws SQLException {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / 1e9;
  }

  /** The most memory the process ever held, native memory included, where Linux tells. */
  private static String peakMemory() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return "unknown";
    }
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmHWM:")) {
        return line.substring("VmHWM:".length()).strip();
      }
    }
    return "unknown";
  }
}
