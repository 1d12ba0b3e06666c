package io.tandem.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.data.Attributes;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.data.KeyTable;
import io.tandem.data.Rows;
import io.tandem.evaluation.HeldOut.Seen;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class EvaluatorTest {

  @Test
  void popularityBiasOfAHandWorkedCase() {
    long[] interactions = {100, 50, 10, 9, 8, 7, 6, 5, 4, 3};
    int[] queries = {8, 4, 2, 1, 1, 1, 1, 1, 1, 1};
    int[][] lists = {{0, 1}, {0, 2}};

    PopularityBias bias = PopularityBias.of(lists, new ItemCounts(interactions, queries, 16), 2);

    assertThat(bias.top1Percent()).isEqualTo(0.5);
    assertThat(bias.top10Percent()).isEqualTo(0.5);
    assertThat(bias.coverage()).isEqualTo(0.3);
    assertThat(bias.gini()).isCloseTo((2 * 9 + 7 + 5 * 1) / 40.0, within(1e-12));
    // 8 of 16 queries are 1 bit, 4 of 16 are 2, 2 of 16 are 3.
    assertThat(bias.selfInformation()).isCloseTo((1 + 2 + 1 + 3) / 4.0, within(1e-12));
  }

  @Test
  void anItemNobodyTouchedIsAsSurprisingAsOneThatASingleQueryTouched() {
    ItemCounts counts = new ItemCounts(new long[] {0, 3}, new int[] {0, 1}, 8);

    assertThat(PopularityBias.of(new int[][] {{0}}, counts, 1).selfInformation()).isEqualTo(3);
    assertThat(PopularityBias.of(new int[][] {{1}}, counts, 1).selfInformation()).isEqualTo(3);
  }

  @Test
  void repeatedInteractionsOfAQueryCountOnceAmongTheQueriesOfAnItem() {
    ItemCounts counts =
        ItemCounts.of(events(new int[] {0, 0, 1, 0}, new int[] {}, new int[] {0}), 3);

    assertThat(counts.interactions()).containsExactly(4, 1, 0);
    assertThat(counts.queries()).containsExactly(2, 1, 0);
    assertThat(counts.trainingQueries()).isEqualTo(2);
  }

  @Property(tries = 50)
  void segmentsPartTheRelevantItemsAndTheQueries(@ForAll long seed) {
    Random random = new Random(seed);
    int items = 1 + random.nextInt(300);
    Dataset dataset = random(random, 12, items);
    HeldOut test = HeldOut.test(dataset, Seen.RANKED);
    ItemCounts counts = ItemCounts.of(dataset.split().train(), items);
    Segments segments = Segments.of(test, dataset.split().train(), counts);

    for (Partition partition : segments.items()) {
      assertThat(partition.groupOf()).hasSize(items);
    }
    int[] popularity = segments.items().get(1).groupOf();
    for (int a = 0; a < items; a++) {
      for (int b = 0; b < items; b++) {
        if (popularity[a] < popularity[b]) {
          assertThat(counts.interactions()[a]).isGreaterThanOrEqualTo(counts.interactions()[b]);
        }
      }
    }
    assertThat(Arrays.stream(popularity).filter(group -> group == 0).count())
        .isEqualTo((int) Math.ceil(items * 0.01));
    if (test.queries().length > 0) {
      Evaluation evaluation =
          new Evaluator(dataset, test, List.of(5), 1)
              .evaluate(new ConstantRanker(new float[items]));
      for (String by : List.of("query", "history length")) {
        assertThat(
                evaluation.at(5).segments().stream()
                    .filter(segment -> segment.by().equals(by))
                    .mapToInt(Segment::queries)
                    .sum())
            .isEqualTo(test.queries().length);
      }
    }
  }

  @Test
  void coldQueriesAndColdItemsAreToldApart() {
    // Query 0 is known and long; query 1 is new. Item 3 is new; item 0 is the most popular.
    Interactions train = events(new int[] {0, 0, 0, 1, 1, 2}, new int[] {});
    Interactions validation = events(new int[] {}, new int[] {});
    Interactions test = events(new int[] {2, 3}, new int[] {0});
    Dataset dataset = dataset(train, validation, test, 4);
    float[] scores = {4, 3, 2, 1};

    Evaluation evaluation =
        new Evaluator(dataset, HeldOut.test(dataset, Seen.RANKED), List.of(3), 1)
            .evaluate(new ConstantRanker(scores));

    List<String> found = new ArrayList<>();
    for (Segment segment : evaluation.at(3).segments()) {
      found.add(
          "%s %s: %d, %s"
              .formatted(
                  segment.by(),
                  segment.group(),
                  segment.queries(),
                  segment.metrics().get(Measure.RECALL)));
    }
    assertThat(found)
        .containsExactly(
            "query warm: 1, 0.5000 [0.5000, 0.5000]",
            "query cold: 1, 1.0000 [1.0000, 1.0000]",
            "history length 0: 1, 1.0000 [1.0000, 1.0000]",
            "history length 6–20: 1, 0.5000 [0.5000, 0.5000]",
            "item warm: 2, 1.0000 [1.0000, 1.0000]",
            "item cold: 1, 0.0000 [0.0000, 0.0000]",
            "item popularity top 1 %: 1, 1.0000 [1.0000, 1.0000]",
            "item popularity rest: 1, 0.5000 [0.5000, 0.5000]");
  }

  @Test
  void everyCutOffHasItsMeansAndTwoModelsComparePairByPair() {
    Dataset dataset = random(new Random(4), 200, 30);
    Evaluator evaluator =
        new Evaluator(dataset, HeldOut.test(dataset, Seen.EXCLUDED), List.of(3, 10), 1);
    float[] ascending = new float[30];
    float[] descending = new float[30];
    for (int item = 0; item < 30; item++) {
      ascending[item] = item;
      descending[item] = -item;
    }
    Evaluation one = evaluator.evaluate(new ConstantRanker(ascending));
    Evaluation other = evaluator.evaluate(new ConstantRanker(descending));

    for (int k : new int[] {3, 10}) {
      for (Measure measure : Measure.values()) {
        double difference = one.at(k).metric(measure).mean() - other.at(k).metric(measure).mean();
        Estimate paired = evaluator.difference(measure, k, one, other);
        assertThat(paired.mean()).isCloseTo(difference, within(1e-12));
        assertThat(paired.low()).isLessThan(paired.high());
      }
    }
    assertThat(one.at(3).metric(Measure.NDCG).mean()).isEqualTo(one.at(3).perQuery().mean().ndcg());
    assertThatThrownBy(() -> one.at(7)).hasMessage("not measured at k = 7");
    assertThatThrownBy(() -> evaluator.evaluate(new ConstantRanker(new float[29])))
        .hasMessage("expected scores of 30 items, found 29");
  }

  private static Dataset random(Random random, int queries, int items) {
    int[][][] parts = new int[3][queries][];
    for (int[][] part : parts) {
      for (int query = 0; query < queries; query++) {
        part[query] = random.ints(random.nextInt(8), 0, items).toArray();
      }
    }
    return dataset(events(parts[0]), events(parts[1]), events(parts[2]), items);
  }

  private static Interactions events(int[]... itemsOfQueries) {
    int[] offsets = new int[itemsOfQueries.length + 1];
    for (int query = 0; query < itemsOfQueries.length; query++) {
      offsets[query + 1] = offsets[query] + itemsOfQueries[query].length;
    }
    int[] items = Arrays.stream(itemsOfQueries).flatMapToInt(Arrays::stream).toArray();
    return new Interactions(offsets, items, new long[0], new float[0]);
  }

  private static Dataset dataset(
      Interactions train, Interactions validation, Interactions test, int items) {
    return new Dataset(
        keys(train.queries()),
        keys(items),
        new NoAttributes(train.queries()),
        new NoAttributes(items),
        new Dataset.Split(train, validation, test));
  }

  private static KeyTable keys(int count) {
    KeyTable.Builder builder = new KeyTable.Builder();
    for (int key = 0; key < count; key++) {
      builder.add("k" + key);
    }
    return builder.build();
  }

  private record NoAttributes(int size) implements Attributes {
    @Override
    public void forEachChunk(Consumer<Rows> consumer) {}
  }
}
