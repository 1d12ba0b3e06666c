package io.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.filter.Filter;
import io.tandem.metrics.RetrieverMetrics;
import io.tandem.retrieval.Hit;
import io.tandem.retrieval.Item;
import io.tandem.retrieval.Query;
import io.tandem.retrieval.Retrieve;
import io.tandem.retrieval.Retriever;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What README and Javadoc show, compiled and run. */
class EmbeddedRetrievalTest {

  @Test
  void aServiceAsksAndTheCatalogueChangesUnderIt(@TempDir Path folder) throws IOException {
    Path store = folder.resolve("store");
    TestModels.publishTowers(folder, Store.create(store), "{type: flat}");
    MeterRegistry registry = new SimpleMeterRegistry();

    // One retriever for the whole service: it follows what is published, and measures itself.
    try (Retriever retriever =
        Retriever.builder(store)
            .follow(Duration.ofSeconds(5))
            .maxConcurrent(64)
            .cacheQueries(10_000)
            .listener(new RetrieverMetrics(registry))
            .shadow(0.001)
            .open()) {

      // Ask: the ten best dramas of the nineties that were not seen yet, within 5 s.
      List<Hit> hits =
          retriever.retrieve(
              Query.builder().put("userId", "u15").putSequence("history", List.of("m260")).build(),
              Retrieve.top(10)
                  .where(Filter.equal("genres", "A").and(Filter.range("year").between(1990, 1999)))
                  .excludeSeen()
                  .within(Duration.ofSeconds(5)));
      assertThat(hits).hasSize(10);

      // Or as a user types it.
      Filter typed = Filter.parse("genres = 'A' and 1990 <= year <= 1999 and not title in ('X')");
      assertThat(retriever.similar(hits.get(0).item(), Retrieve.top(5).where(typed))).hasSize(5);

      // An item arrives; the next query can find it.
      retriever
          .items()
          .put(
              "new",
              Item.builder()
                  .put("title", "Stalker")
                  .putList("genres", List.of("Drama", "Sci-Fi"))
                  .put("year", 1979)
                  .build());
      assertThat(
              retriever.retrieve(Query.builder().build(), Retrieve.top(3).where("genres", "Drama")))
          .extracting(Hit::item)
          .containsExactly("new");
      retriever.items().remove("new");
    }
    assertThat(registry.get("tandem.retrieve").tag("stage", "total").timer().count()).isEqualTo(3);
  }
}
