package io.tandem.rebuild;

import io.tandem.artifact.Publisher;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Attributes;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.data.Rows;
import io.tandem.data.SyntheticCatalogue;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.feature.InputSchema;
import io.tandem.index.BuildListener;
import io.tandem.index.IndexException;
import io.tandem.tower.ExportedTower;
import io.tandem.tower.TowerModel;
import io.tandem.tower.TowerShape;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * How a rebuild grows with the catalogue: reads it from Parquet, embeds every item with a tower
 * 128-256-128-64 over id, genres, title and year, builds the index and publishes. Each size runs in
 * a process of its own, whose largest resident memory is part of the result; so is the share of
 * ND4J's matrix rate, measured in turns, that embedding encoded items reaches.
 *
 * <pre>
 * TANDEM_JAVA_OPTS=-Xmx2g scripts/bench.sh io.tandem.rebuild.RebuildScaleBenchmark \
 *     100000 1000000 10000000 --index "{type: ivf_flat}"
 * </pre>
 *
 * <p>The towers have fresh weights and an id table of the first 100,000 items: most of a large
 * catalogue was never interacted with.
 */
public final class RebuildScaleBenchmark {
  private static final int DIM = 64;
  private static final int TRAINED_ITEMS = 100_000;
  private static final int QUERIES = 10_000;
  private static final int RATINGS = 300_000;
  private static final int PEAK = 2048;
  private static final int ROUNDS = 9;

  /** A build that would take longer is given up once that shows. */
  private static final double MOST_BUILD_SECONDS = 15 * 60;

  private static final int THREADS = Runtime.getRuntime().availableProcessors();

  private RebuildScaleBenchmark() {}

  /** Runs the sizes that are named, with the index that follows {@code --index}. */
  public static void main(String[] arguments) throws Exception {
    List<String> sizes = new ArrayList<>();
    String index = "{type: auto}";
    @Nullable Path result = null;
    for (int i = 0; i < arguments.length; i++) {
      switch (arguments[i]) {
        case "--index" -> index = arguments[++i];
        case "--result" -> result = Path.of(arguments[++i]);
        default -> sizes.add(arguments[i]);
      }
    }
    if (result != null) {
      measure(Integer.parseInt(sizes.get(0)), index, result);
      return;
    }
    List<Properties> results = new ArrayList<>();
    for (String size : sizes.isEmpty() ? List.of("100000") : sizes) {
      results.add(inProcessOfItsOwn(size, index));
    }
    summarize(results);
  }

  private static Properties inProcessOfItsOwn(String size, String index) throws Exception {
    Path file = Files.createTempFile("scale", ".properties");
    try {
      List<String> command = new ArrayList<>();
      command.add(ProcessHandle.current().info().command().orElse("java"));
      command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
      command.addAll(
          List.of(
              "-cp", System.getProperty("java.class.path"), RebuildScaleBenchmark.class.getName()));
      command.addAll(List.of(size, "--index", index, "--result", file.toString()));
      int status = new ProcessBuilder(command).inheritIO().start().waitFor();
      if (status != 0) {
        throw new IllegalStateException("%s items: ended with status %d".formatted(size, status));
      }
      Properties read = new Properties();
      try (var in = Files.newBufferedReader(file)) {
        read.load(in);
      }
      return read;
    } finally {
      Files.delete(file);
    }
  }

  private static void summarize(List<Properties> results) {
    String[] steps = {"read", "describe", "embed", "build", "publish"};
    System.out.printf("%n%-10s", "items");
    for (String step : steps) {
      System.out.printf("  %18s", step);
    }
    System.out.printf("  %9s  %s%n", "memory", "index");
    for (Properties result : results) {
      double items = number(result, "items");
      System.out.printf(Locale.ROOT, "%-10.0f", items);
      for (String step : steps) {
        double seconds = number(result, step);
        System.out.printf(Locale.ROOT, "  %6.1f s %,7.0f/s", seconds, items / seconds);
      }
      System.out.printf(
          Locale.ROOT,
          "  %6.2f GB  %s, recall %s%n",
          number(result, "kilobytes") / 1e6,
          result.getProperty("index"),
          result.getProperty("recall"));
    }
    System.out.println(
        """
        read: load and check the table. describe: texts and filters of the items. embed: read,
        encode, embed and collect. build: centroids, lists or links, and tuning. publish: write,
        read back, checksums.""");
    for (int i = 1; i < results.size(); i++) {
      Properties small = results.get(i - 1);
      Properties large = results.get(i);
      double times = number(large, "items") / number(small, "items");
      System.out.printf(Locale.ROOT, "growth for %.0f times the items:", times);
      for (String step : steps) {
        System.out.printf(
            Locale.ROOT, " %s ×%.1f", step, number(large, step) / number(small, step));
      }
      System.out.println();
    }
  }

  private static double number(Properties result, String key) {
    return Double.parseDouble(result.getProperty(key));
  }

  private static void measure(int items, String index, Path result) throws Exception {
    Path folder = Files.createTempDirectory("scale");
    try {
      Properties measured = rebuild(items, index, folder);
      try (var out = Files.newBufferedWriter(result)) {
        measured.store(out, null);
      }
    } finally {
      remove(folder);
    }
  }

  private static Properties rebuild(int items, String index, Path folder)
      throws IOException, SQLException {
    int trained = Math.min(items, TRAINED_ITEMS);
    SyntheticCatalogue.writeItems(folder.resolve("items.parquet"), items);
    SyntheticCatalogue.writeItems(folder.resolve("trained.parquet"), trained);
    SyntheticCatalogue.writeRatings(folder.resolve("ratings.csv"), RATINGS, QUERIES, trained);
    ModelSpec spec = spec(folder, "trained.parquet", index);
    Properties measured = new Properties();
    measured.setProperty("items", String.valueOf(items));
    try (Dataset training = DatasetReader.read(spec.data())) {
      Features features = Features.fit(spec.features(), spec.data(), training);
      Publisher.Towers towers = new Publisher.Towers(features, towers(folder, features, spec));
      share(training.items(), towers, measured);

      long start = System.nanoTime();
      ModelSpec whole = spec(folder, "items.parquet", index);
      try (DatasetReader.Catalogue catalogue =
          DatasetReader.readCatalogue(Objects.requireNonNull(whole.data().items()))) {
        double read = seconds(start);
        say("read %,d items: %.1f s", items, read);
        Passes passes = new Passes(catalogue.attributes());
        Dataset dataset =
            new Dataset(
                training.queryKeys(),
                catalogue.keys(),
                training.queries(),
                passes,
                training.split());
        publish(folder, whole, towers, dataset, passes, read, measured);
      }
    }
    measured.setProperty("kilobytes", String.valueOf(peakMemory()));
    return measured;
  }

  private static void publish(
      Path folder,
      ModelSpec spec,
      Publisher.Towers towers,
      Dataset dataset,
      Passes passes,
      double read,
      Properties measured) {
    long[] built = {0};
    String[] stage = {""};
    long[] began = {0};
    long start = System.nanoTime();
    Version version =
        Publisher.publish(
            Store.create(folder.resolve("store")),
            spec,
            towers,
            dataset,
            Map.of(),
            THREADS,
            Instant.now(),
            (step, type, done, total) -> {
              built[0] = System.nanoTime();
              String now = step + " " + type;
              if (!now.equals(stage[0])) {
                stage[0] = now;
                began[0] = built[0];
                say("  %s at %.1f s, %.2f GB", now, seconds(start), peakMemory() / 1e6);
              }
              double expected = done == 0 ? 0 : (built[0] - began[0]) / 1e9 * total / done;
              if (step == BuildListener.Stage.ADDING && expected > MOST_BUILD_SECONDS) {
                throw new IndexException(
                    "%s: adding %,d vectors would take %.0f s".formatted(type, total, expected));
              }
            });
    double all = seconds(start);
    int last = passes.ends.size() - 1;
    double embedded = (passes.ends.get(last) - start) / 1e9;
    double embed = (passes.ends.get(last) - passes.starts.get(last)) / 1e9;
    double build = (built[0] - start) / 1e9 - embedded;
    set(measured, "read", read);
    set(measured, "describe", embedded - embed);
    set(measured, "embed", embed);
    set(measured, "build", build);
    set(measured, "publish", all - embedded - build);
    measured.setProperty("index", version.manifest().index().type());
    set(measured, "recall", version.manifest().index().recall());
    say(
        "describe %.1f s, embed %.1f s, build %.1f s, publish %.1f s; %d passes over the items; %.2f GB",
        embedded - embed,
        embed,
        build,
        all - embedded - build,
        passes.ends.size(),
        peakMemory() / 1e6);
  }

  /** Embedding of encoded items and ND4J's product of two matrices take turns. */
  private static void share(Attributes items, Publisher.Towers towers, Properties measured) {
    Features features = towers.features();
    ExportedTower tower =
        ExportedTower.open(towers.towers(), ExportedTower.Side.ITEM, features.itemSchema());
    FeatureBatch batch = features.items().encodeAll(items);
    float[] vectors = new float[batch.rows() * DIM];
    INDArray a = Nd4j.rand(DataType.FLOAT, PEAK, PEAK);
    INDArray b = Nd4j.rand(DataType.FLOAT, PEAK, PEAK);
    INDArray c = Nd4j.createUninitialized(DataType.FLOAT, new long[] {PEAK, PEAK}, 'f');
    double in = features.itemSchema().width();
    double flops = 2 * (in * 256 + 256 * 128 + 128 * DIM) * batch.rows();
    double[] product = new double[ROUNDS];
    double[] embedding = new double[ROUNDS];
    double[] ratio = new double[ROUNDS];
    for (int round = -2; round < ROUNDS; round++) {
      long start = System.nanoTime();
      Nd4j.gemm(a, b, c, false, false, 1, 0);
      double gemm = 2.0 * PEAK * PEAK * PEAK / seconds(start) / 1e9;
      start = System.nanoTime();
      tower.embedAll(batch, THREADS, vectors);
      double embed = flops / seconds(start) / 1e9;
      if (round >= 0) {
        product[round] = gemm;
        embedding[round] = embed;
        ratio[round] = embed / gemm;
      }
    }
    c.close();
    b.close();
    a.close();
    double rate = median(embedding);
    say(
        "tower %.0f-256-128-%d over %,d encoded items, %d threads: %,.0f items/s, %.1f GFLOP/s; SGEMM"
            + " %d²: %.1f GFLOP/s; %.0f %% of it (medians of %d rounds in turns)",
        in,
        DIM,
        batch.rows(),
        THREADS,
        rate * 1e9 * batch.rows() / flops,
        rate,
        PEAK,
        median(product),
        100 * median(ratio),
        ROUNDS);
    set(measured, "share", median(ratio));
  }

  private static ModelSpec spec(Path folder, String items, String index) throws IOException {
    Path file = folder.resolve(items + ".yaml");
    Files.writeString(
        file,
        """
        name: scale
        data:
          interactions: {path: ratings.csv, query: userId, item: movieId, time: timestamp}
          items: {path: %s, key: movieId}
          split: {type: leave_last_out}
        features:
          query:
            - {name: history, type: sequence, of: movieId, max_length: 20, pooling: mean}
          item:
            - {name: movieId, type: id, dim: 32}
            - {name: genres, type: bag, separator: "|", dim: 30}
            - {name: title, type: text, buckets: 50000, dim: 64}
            - {name: year, type: numeric, transform: standardize}
        model: {type: two_tower, dim: %d, query_hidden: [256, 128], item_hidden: [256, 128], normalize: true}
        training: {loss: in_batch_softmax}
        index: %s
        """
            .formatted(items, DIM, index));
    return SpecReader.read(file, Map.of());
  }

  private static Path towers(Path folder, Features features, ModelSpec spec) throws IOException {
    ModelConfig.TwoTower shape = (ModelConfig.TwoTower) spec.model();
    Path towers = Files.createDirectory(folder.resolve("exported"));
    TowerModel.create(
            tower(features.querySchema(), shape.queryHidden(), shape),
            tower(features.itemSchema(), shape.itemHidden(), shape),
            spec.training().optimizer(),
            42)
        .export(towers);
    return towers;
  }

  private static TowerShape tower(
      InputSchema input, List<Integer> hidden, ModelConfig.TwoTower shape) {
    return new TowerShape(
        input,
        shape.queryCombine(),
        hidden,
        shape.dim(),
        shape.activation(),
        0,
        0,
        shape.normalize());
  }

  /** Notes when passes over a table begin and end. */
  private static final class Passes implements Attributes {
    private final Attributes of;
    private final List<Long> starts = new ArrayList<>();
    private final List<Long> ends = new ArrayList<>();

    Passes(Attributes of) {
      this.of = of;
    }

    @Override
    public int size() {
      return of.size();
    }

    @Override
    public void forEachChunk(Consumer<Rows> consumer) {
      long start = System.nanoTime();
      starts.add(start);
      long[] consuming = {0};
      of.forEachChunk(
          rows -> {
            long begin = System.nanoTime();
            consumer.accept(rows);
            consuming[0] += System.nanoTime() - begin;
          });
      ends.add(System.nanoTime());
      say(
          "  pass %d: %.1f s, of which %.1f s reading; %.2f GB",
          starts.size(), seconds(start), seconds(start) - consuming[0] / 1e9, peakMemory() / 1e6);
    }
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static void set(Properties measured, String key, double value) {
    measured.setProperty(key, String.format(Locale.ROOT, "%.4f", value));
  }

  private static void say(String format, Object... arguments) {
    System.out.println(String.format(Locale.ROOT, format, arguments));
  }

  /** The most memory the process ever held, in kB, native and mapped memory included. */
  private static long peakMemory() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("VmHWM:")) {
          return Long.parseLong(line.replaceAll("\\D+", ""));
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException("needs Linux's /proc", e);
    }
    throw new IllegalStateException("needs Linux's VmHWM");
  }

  private static void remove(Path folder) throws IOException {
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(folder)) {
      paths = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : paths) {
      Files.delete(path);
    }
  }
}
