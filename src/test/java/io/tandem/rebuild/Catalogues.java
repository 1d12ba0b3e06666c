package io.tandem.rebuild;

import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.assertj.core.api.Assertions;

/** Stores to rebuild, and what must hold of them whatever happened. */
final class Catalogues {
  private Catalogues() {}

  /**
   * A published version of {@value TestModels#ITEMS} items, and as many more in the source by now.
   *
   * @param added new items in the source
   */
  static Store grown(Path folder, int added) throws IOException {
    Store store = Store.create(folder.resolve("store"));
    TestModels.publishTowers(folder, store, "{type: flat}");
    grow(folder, added);
    return store;
  }

  static void grow(Path folder, int added) throws IOException {
    StringBuilder more = new StringBuilder();
    for (int item = 0; item < added; item++) {
      more.append("x%d,New film %d,%s,%d%n".formatted(item, item, item % 3 == 0 ? "A" : "C", 1950));
    }
    Path movies = folder.resolve("movies.csv");
    Files.writeString(movies, Files.readString(movies) + more);
  }

  /** A rebuild whose gates let the added items pass. */
  static Rebuild rebuild(Store store) {
    return Rebuild.of(store)
        .set("rebuild.gates.max_size", "1000")
        .set("rebuild.gates.max_missing", "1")
        .set("rebuild.gates.max_zero", "1")
        .set("rebuild.gates.max_equal", "1")
        .set("rebuild.gates.min_dimensions", "0")
        .set("rebuild.gates.min_overlap", "0")
        .set("rebuild.gates.max_quality_drop", "1")
        .set("rebuild.gates.max_p99_millis", "100000")
        .set("rebuild.probes", "10");
  }

  /** Every version is whole, and the current one opens. */
  static void assertWhole(Store store) {
    for (String id : store.versions()) {
      Assertions.assertThat(store.verify(id)).as(id).isEmpty();
    }
    store.openCurrent().close();
  }

  static Map<String, ?> files(Store store) {
    return store.current().manifest().files();
  }
}
