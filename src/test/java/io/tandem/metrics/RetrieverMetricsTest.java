package io.tandem.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.artifact.Version;
import io.tandem.retrieval.DeadlineException;
import io.tandem.retrieval.Item;
import io.tandem.retrieval.Query;
import io.tandem.retrieval.Retrieve;
import io.tandem.retrieval.Retriever;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RetrieverMetricsTest {
  private static final Query ANY = Query.builder().build();

  @Test
  void metersSayWhatTheRetrieverDid(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder.resolve("store"));
    TestModels.publishPopularity(folder, store);
    SimpleMeterRegistry registry = new SimpleMeterRegistry();
    try (Retriever retriever =
        Retriever.builder(store.folder())
            .listener(new RetrieverMetrics(registry, "store", "films"))
            .open()) {
      for (int i = 0; i < 3; i++) {
        retriever.retrieve(ANY, Retrieve.top(5).where("genres", "A"));
      }
      retriever.retrieve(List.of(ANY, ANY), Retrieve.top(5));
      Retrieve late = Retrieve.top(5).within(Duration.ofNanos(1));
      assertThatThrownBy(() -> retriever.retrieve(ANY, late)).isInstanceOf(DeadlineException.class);
      assertThatThrownBy(() -> retriever.retrieve(ANY, Retrieve.top(5).where("nothing", "A")))
          .isInstanceOf(IllegalArgumentException.class);
      retriever.items().put("new", Item.builder().put("title", "New").build());
      retriever.items().remove("m1");

      for (String stage : List.of("encode", "filter", "search", "total")) {
        assertThat(
                registry
                    .get("tandem.retrieve")
                    .tags("stage", stage, "store", "films")
                    .timer()
                    .count())
            .isEqualTo(3);
      }
      double search =
          registry.get("tandem.retrieve").tag("stage", "search").timer().totalTime(TimeUnit.DAYS);
      double total =
          registry.get("tandem.retrieve").tag("stage", "total").timer().totalTime(TimeUnit.DAYS);
      assertThat(search).isPositive().isLessThan(total);
      // All items of the genre asked for are compared, and the one added.
      assertThat(registry.get("tandem.retrieve.candidates").summary().count()).isEqualTo(3);
      assertThat(registry.get("tandem.retrieve.candidates").summary().totalAmount())
          .isEqualTo(3 * TestModels.ITEMS / 2.0);
      assertThat(registry.get("tandem.retrieve.batch.queries").counter().count()).isEqualTo(2);
      assertThat(failures(registry, "deadline")).isEqualTo(1);
      assertThat(failures(registry, "other")).isEqualTo(1);
      assertThat(registry.get("tandem.items.added").gauge().value()).isEqualTo(1);
      assertThat(registry.get("tandem.items.gone").gauge().value()).isEqualTo(1);
      assertThat(registry.get("tandem.version.age").gauge().value()).isBetween(0.0, 600.0);

      Version second = TestModels.publishPopularity(folder, store);
      retriever.refresh();
      assertThat(registry.get("tandem.version").gauges())
          .singleElement()
          .satisfies(gauge -> assertThat(gauge.getId().getTag("version")).isEqualTo(second.id()));
    }
  }

  @Test
  void nothingButThisPackageNeedsMicrometer(@TempDir Path folder) throws Exception {
    // A child JVM without Micrometer opens a store and answers.
    Store store = Store.create(folder.resolve("store"));
    TestModels.publishPopularity(folder, store);
    String classPath =
        List.of(System.getProperty("java.class.path").split(java.io.File.pathSeparator)).stream()
            .filter(entry -> !entry.contains("micrometer"))
            .collect(java.util.stream.Collectors.joining(java.io.File.pathSeparator));
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-cp",
                classPath,
                Child.class.getName(),
                store.folder().toString())
            .redirectErrorStream(true)
            .start();
    String output =
        new String(child.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    assertThat(child.waitFor()).as(output).isZero();
    assertThat(output).contains("answered 3, without Micrometer");
  }

  /** Runs in a JVM of its own, where the class around it could not be loaded. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) {
      String found = "with";
      try {
        Class.forName("io.micrometer.core.instrument.MeterRegistry");
      } catch (ClassNotFoundException e) {
        found = "without";
      }
      try (Retriever retriever = Retriever.open(Path.of(args[0]))) {
        int hits = retriever.retrieve(Query.builder().build(), Retrieve.top(3)).size();
        System.out.println("answered " + hits + ", " + found + " Micrometer");
      }
    }
  }

  private static double failures(SimpleMeterRegistry registry, String cause) {
    return registry.get("tandem.retrieve.failures").tag("cause", cause).counter().count();
  }
}
