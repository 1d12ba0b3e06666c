package io.tandem.index;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class TopKTest {

  @Property
  void keepsTheBestOfferedAndOrdersTiesByRow(
      @ForAll @Size(max = 60) List<@IntRange(max = 8) Integer> scores,
      @ForAll @IntRange(min = 1, max = 20) int k) {
    TopK hits = new TopK();
    hits.reset(k);
    for (int row = 0; row < scores.size(); row++) {
      hits.offer(row, scores.get(row), k);
    }
    hits.sort();
    assertThat(rows(hits)).isEqualTo(best(scores, k));
  }

  @Property
  void sortingTiesOrdersRowsOfEqualScoresOnly(
      @ForAll @Size(max = 60) List<@IntRange(max = 8) Integer> scores) {
    List<Integer> expected = best(scores, scores.size());
    TopK hits = new TopK();
    hits.reset(scores.size());
    IntStream.range(0, scores.size())
        .boxed()
        .sorted(
            Comparator.comparingInt((Integer row) -> -scores.get(row))
                .thenComparing(Comparator.reverseOrder()))
        .forEach(row -> hits.add(row, scores.get(row)));
    hits.sortTies();
    assertThat(rows(hits)).isEqualTo(expected);
  }

  private static List<Integer> best(List<Integer> scores, int k) {
    return IntStream.range(0, scores.size())
        .boxed()
        .sorted(
            Comparator.comparingInt((Integer row) -> -scores.get(row)).thenComparing(row -> row))
        .limit(k)
        .toList();
  }

  private static List<Integer> rows(TopK hits) {
    return IntStream.range(0, hits.size()).map(hits::row).boxed().toList();
  }
}
