package io.tandem.index.faiss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.IndexConfig;
import io.tandem.index.BuiltIndex;
import io.tandem.index.IndexReport;
import io.tandem.index.IndexReport.Considered;
import io.tandem.index.TopK;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AutoChoiceTest {
  private static final double PROMISED = 0.95;

  private final List<IndexConfig.Type> order = new ArrayList<>();
  private final List<BuiltIndex> built = new ArrayList<>();

  @AfterEach
  void close() {
    built.forEach(each -> each.index().close());
  }

  /** What building a type comes to. */
  private record Outcome(double recall, double work) {}

  @Test
  void theFirstStaysWhereItIsAboutWhatWasExpected() {
    assertThat(
            settle(
                Map.of(IndexConfig.Type.HNSW, 1000.0, IndexConfig.Type.IVF_SQ8, 1200.0),
                Map.of(IndexConfig.Type.HNSW, new Outcome(0.96, 2300))))
        .isEqualTo("HNSW");
    assertThat(order).containsExactly(IndexConfig.Type.HNSW);
    assertOpen(0);
  }

  @Test
  void theNextFollowsOneThatBreaksThePromise() {
    assertThat(
            settle(
                Map.of(IndexConfig.Type.HNSW, 1000.0, IndexConfig.Type.IVF_SQ8, 1200.0),
                Map.of(
                    IndexConfig.Type.HNSW,
                    new Outcome(0.9, 900),
                    IndexConfig.Type.IVF_SQ8,
                    new Outcome(0.951, 5000))))
        .isEqualTo("IVF_SQ8");
    assertClosed(0);
    assertOpen(1);
  }

  /** As a graph of a million vectors did, whose work grew faster than that of its parts. */
  @Test
  void oneThatDisappointsGivesWayToLessWork() {
    assertThat(
            settle(
                Map.of(IndexConfig.Type.HNSW, 5674.0, IndexConfig.Type.IVF_SQ8, 6967.0),
                Map.of(
                    IndexConfig.Type.HNSW,
                    new Outcome(0.96, 29_510),
                    IndexConfig.Type.IVF_SQ8,
                    new Outcome(0.954, 7100))))
        .isEqualTo("IVF_SQ8");
    assertClosed(0);
    assertOpen(1);
  }

  @Test
  void oneThatDisappointsReturnsWhereTheOtherIsMoreWork() {
    assertThat(
            settle(
                Map.of(IndexConfig.Type.HNSW, 1000.0, IndexConfig.Type.IVF_SQ8, 1200.0),
                Map.of(
                    IndexConfig.Type.HNSW,
                    new Outcome(0.96, 3000),
                    IndexConfig.Type.IVF_SQ8,
                    new Outcome(0.96, 4000))))
        .isEqualTo("HNSW");
    assertThat(order)
        .containsExactly(IndexConfig.Type.HNSW, IndexConfig.Type.IVF_SQ8, IndexConfig.Type.HNSW);
    assertClosed(0);
    assertClosed(1);
    assertOpen(2);
  }

  @Test
  void whereNoneKeepsThePromiseTheNearestIsTold() {
    assertThat(
            settle(
                Map.of(IndexConfig.Type.HNSW, 1000.0, IndexConfig.Type.IVF_SQ8, 1200.0),
                Map.of(
                    IndexConfig.Type.HNSW,
                    new Outcome(0.94, 900),
                    IndexConfig.Type.IVF_SQ8,
                    new Outcome(0.8, 800))))
        .isEqualTo("HNSW");
    assertClosed(0);
    assertClosed(1);
  }

  private String settle(
      Map<IndexConfig.Type, Double> expected, Map<IndexConfig.Type, Outcome> outcomes) {
    List<IndexConfig.Type> types = List.of(IndexConfig.Type.HNSW, IndexConfig.Type.IVF_SQ8);
    List<Considered> considered =
        types.stream()
            .map(
                type ->
                    new Considered(
                        type.name(), 100, 0.96, 1, Objects.requireNonNull(expected.get(type)), 1))
            .toList();
    return new AutoChoice.Ranking(types, considered)
        .settle(PROMISED, type -> build(type, Objects.requireNonNull(outcomes.get(type))))
        .type();
  }

  private BuiltIndex build(IndexConfig.Type type, Outcome outcome) {
    order.add(type);
    try (FaissBuilder builder = new FaissBuilder(1, IndexConfig.of(IndexConfig.Type.FLAT))) {
      builder.add(new float[] {1}, 1);
      BuiltIndex one = builder.build(new float[0], 0);
      BuiltIndex result =
          new BuiltIndex(
              one.index(),
              type.name(),
              Map.of(),
              outcome.recall(),
              1,
              new IndexReport(
                  IndexConfig.Metric.INNER_PRODUCT, outcome.work(), 1, 1, List.of(), List.of()));
      built.add(result);
      return result;
    }
  }

  private void assertOpen(int at) {
    TopK hits = new TopK();
    built.get(at).index().search(new float[] {1}, 1, hits);
    assertThat(hits.size()).isEqualTo(1);
  }

  private void assertClosed(int at) {
    assertThatThrownBy(() -> built.get(at).index().search(new float[] {1}, 1, new TopK()))
        .isInstanceOf(IllegalStateException.class);
  }
}
