package io.tandem.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.SourceSpec;
import io.tandem.config.SplitSpec;
import io.tandem.data.Dataset.Split;
import io.tandem.data.EventTable.Events;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

final class SplitterTest {
  private static final int QUERIES = 5;

  @Property(tries = 300)
  void everyEventIsInExactlyOnePart(
      @ForAll("events") Events events, @ForAll("splits") SplitSpec spec) {
    Split split = split(spec, events);

    List<Integer> all = new ArrayList<>();
    for (Interactions part : List.of(split.train(), split.validation(), split.test())) {
      for (int query = 0; query < part.queries(); query++) {
        for (int position = part.start(query); position < part.end(query); position++) {
          int event = part.item(position);
          assertThat(query).isEqualTo(events.queries()[event]);
          assertThat(part.query(position)).isEqualTo(query);
          assertThat(part.time(position)).isEqualTo(events.times()[event]);
          assertThat(part.weight(position)).isEqualTo(events.weights()[event]);
          all.add(event);
        }
      }
    }
    assertThat(all).doesNotHaveDuplicates().hasSize(events.size());
  }

  @Property(tries = 300)
  void everyPartIsInTimeOrderAndTiesKeepTheirOrder(
      @ForAll("events") Events events, @ForAll("splits") SplitSpec spec) {
    Split split = split(spec, events);

    for (Interactions part : List.of(split.train(), split.validation(), split.test())) {
      for (int query = 0; query < part.queries(); query++) {
        for (int position = part.start(query) + 1; position < part.end(query); position++) {
          long before = part.time(position - 1);
          long after = part.time(position);
          assertThat(before).isLessThanOrEqualTo(after);
          if (before == after) {
            assertThat(part.item(position - 1)).isLessThan(part.item(position));
          }
        }
      }
    }
  }

  @Property(tries = 100)
  void sameSeedGivesTheSameSplit(
      @ForAll("events") Events events, @ForAll("splits") SplitSpec spec) {
    Split one = split(spec, events);
    Split other = split(spec, events);

    assertThat(items(one.train())).isEqualTo(items(other.train()));
    assertThat(items(one.validation())).isEqualTo(items(other.validation()));
    assertThat(items(one.test())).isEqualTo(items(other.test()));
  }

  @Property(tries = 200)
  void lastEventsOfAQueryComeAfterAllItsOthers(@ForAll("events") Events events) {
    Split split = split(new SplitSpec.LeaveLastOut(), events);

    for (int query = 0; query < QUERIES; query++) {
      int total =
          split.train().count(query) + split.validation().count(query) + split.test().count(query);
      int left = total < 3 ? 0 : 1;
      assertThat(split.test().count(query)).isEqualTo(left);
      assertThat(split.validation().count(query)).isEqualTo(left);
      if (left == 1) {
        long validation = split.validation().time(split.validation().start(query));
        assertThat(split.test().time(split.test().start(query))).isGreaterThanOrEqualTo(validation);
        for (int p = split.train().start(query); p < split.train().end(query); p++) {
          assertThat(split.train().time(p)).isLessThanOrEqualTo(validation);
        }
      }
    }
  }

  @Property(tries = 200)
  void temporalPartsDoNotOverlapInTime(@ForAll("events") Events events) {
    Split split;
    try {
      split = split(new SplitSpec.Temporal(0.2, 0.2), events);
    } catch (DataException nothingBefore) {
      Assume.that(false);
      return;
    }

    long lastTrained = times(split.train()).stream().mapToLong(t -> t).max().orElse(Long.MIN_VALUE);
    for (long time : times(split.validation())) {
      assertThat(time).isGreaterThan(lastTrained);
    }
    long lastKnown = times(split.validation()).stream().mapToLong(t -> t).max().orElse(lastTrained);
    for (long time : times(split.test())) {
      assertThat(time).isGreaterThan(lastKnown);
    }
  }

  @Property(tries = 100)
  void randomSharesHoldForEveryQuery(@ForAll("events") Events events) {
    Split split = split(new SplitSpec.Random(0.25, 0.25, 3), events);

    for (int query = 0; query < QUERIES; query++) {
      int total =
          split.train().count(query) + split.validation().count(query) + split.test().count(query);
      assertThat(Math.abs(split.test().count(query) - total * 0.25)).isLessThanOrEqualTo(0.5);
      assertThat(Math.abs(split.validation().count(query) - total * 0.25)).isLessThanOrEqualTo(0.5);
      assertThat(split.train().count(query)).isGreaterThanOrEqualTo(Math.min(1, total));
    }
  }

  @Test
  void otherSeedsGiveOtherSplits() {
    Events events = sequence(100);
    Set<List<Integer>> seen = new HashSet<>();
    for (int seed = 0; seed < 20; seed++) {
      seen.add(items(split(new SplitSpec.Random(0.2, 0, seed), events).test()));
    }

    assertThat(seen).hasSize(20);
  }

  /** Items are 0 to 99, each met by every query. */
  @Test
  void coldItemsAreHeldOutWhole() {
    int size = 100 * QUERIES;
    Events events = new Events(new int[size], new int[size], new long[size], new float[size]);
    for (int i = 0; i < size; i++) {
      events.queries()[i] = i % QUERIES;
      events.items()[i] = i / QUERIES;
    }

    Split split = split(new SplitSpec.Random(0.1, 0.1, 0.2, 1), events);

    Set<Integer> trained = new HashSet<>(items(split.train()));
    Set<Integer> validated = new HashSet<>(items(split.validation()));
    validated.removeAll(trained);
    Set<Integer> tested = new HashSet<>(items(split.test()));
    tested.removeAll(trained);
    assertThat(tested).hasSizeBetween(10, 30);
    assertThat(validated).hasSizeBetween(4, 18).doesNotContainAnyElementsOf(tested);
  }

  @Test
  void randomTestsComeFromTheWholeHistory() {
    Events events = sequence(1000);
    List<Integer> tests = items(split(new SplitSpec.Random(0.5, 0, 1), events).test());

    assertThat(tests.stream().filter(item -> item < 500).count()).isBetween(200L, 300L);
  }

  @Test
  void eventsOfOneMomentAreNotTornApartByATemporalSplit() {
    Events events =
        new Events(
            new int[6], new int[] {0, 1, 2, 3, 4, 5}, new long[] {1, 2, 3, 3, 3, 4}, new float[6]);

    Split split = split(new SplitSpec.Temporal(0.34, 0.16), events);

    assertThat(items(split.train())).containsExactly(0, 1);
    assertThat(items(split.validation())).isEmpty();
    assertThat(items(split.test())).containsExactly(2, 3, 4, 5);
  }

  @Test
  void splitThatLeavesNothingForTrainingIsRefused() {
    Events events = new Events(new int[3], new int[] {0, 1, 2}, new long[] {7, 7, 7}, new float[3]);

    assertThatThrownBy(() -> split(new SplitSpec.Temporal(0.2, 0.1), events))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("training");
  }

  @Test
  void timesFarApartAreOrdered() {
    long late = 253_402_300_799L;
    Events events =
        new Events(
            new int[4], new int[] {0, 1, 2, 3}, new long[] {late, -late, 0, -late}, new float[4]);

    Split split = split(new SplitSpec.Random(0.01, 0, 1), events);

    assertThat(items(split.train())).containsExactly(1, 3, 2, 0);
  }

  @Test
  void validationOfProvidedTestsIsDrawnFromTheInteractions() {
    Events test = new Events(new int[] {4}, new int[] {99}, new long[] {5}, new float[] {1});

    Split split = new Splitter(QUERIES).split(provided(0.1), sequence(50), null, test);

    assertThat(split.train().size()).isEqualTo(45);
    assertThat(split.validation().size()).isEqualTo(5);
    assertThat(items(split.test())).containsExactly(99);
    assertThat(split.test().query(0)).isEqualTo(4);
  }

  @Test
  void providedValidationLeavesAllInteractionsForTraining() {
    Events other = new Events(new int[] {4}, new int[] {99}, new long[] {5}, new float[] {1});

    Split split = new Splitter(QUERIES).split(provided(0.1), sequence(50), other, other);

    assertThat(split.train().size()).isEqualTo(50);
    assertThat(items(split.validation())).containsExactly(99);
  }

  @Provide
  Arbitrary<Events> events() {
    Arbitrary<Integer> queries = Arbitraries.integers().between(0, QUERIES - 1);
    Arbitrary<Long> times = Arbitraries.longs().between(-3, 20);
    return Combinators.combine(queries, times)
        .as((query, time) -> new long[] {query, time})
        .list()
        .ofMinSize(1)
        .ofMaxSize(60)
        .map(SplitterTest::events);
  }

  /** Items are the events' own numbers, so that parts can be traced back. */
  private static Events events(List<long[]> rows) {
    int size = rows.size();
    Events events = new Events(new int[size], new int[size], new long[size], new float[size]);
    for (int i = 0; i < size; i++) {
      events.queries()[i] = (int) rows.get(i)[0];
      events.items()[i] = i;
      events.times()[i] = rows.get(i)[1];
      events.weights()[i] = i * 0.5f;
    }
    return events;
  }

  @Provide
  Arbitrary<SplitSpec> splits() {
    Arbitrary<Double> shares = Arbitraries.doubles().between(0.01, 0.3);
    Arbitrary<Long> seeds = Arbitraries.longs();
    return Arbitraries.oneOf(
        Arbitraries.just(new SplitSpec.LeaveLastOut()),
        Combinators.combine(shares, shares, seeds).as(SplitSpec.Random::new));
  }

  private static Events sequence(int size) {
    Events events = new Events(new int[size], new int[size], new long[size], new float[size]);
    for (int i = 0; i < size; i++) {
      events.items()[i] = i;
      events.times()[i] = i;
    }
    return events;
  }

  private static SplitSpec provided(double validation) {
    return new SplitSpec.Provided(SourceSpec.file(Path.of("test.csv")), null, validation, 42);
  }

  private static Split split(SplitSpec spec, Events events) {
    return new Splitter(QUERIES).split(spec, events, null, null);
  }

  private static List<Integer> items(Interactions part) {
    List<Integer> items = new ArrayList<>();
    for (int position = 0; position < part.size(); position++) {
      items.add(part.item(position));
    }
    return items;
  }

  private static List<Long> times(Interactions part) {
    List<Long> times = new ArrayList<>();
    for (int position = 0; position < part.size(); position++) {
      times.add(part.time(position));
    }
    return times;
  }
}
