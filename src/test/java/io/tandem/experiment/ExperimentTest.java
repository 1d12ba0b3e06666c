package io.tandem.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.ModelSpec;
import io.tandem.config.SpecException;
import io.tandem.config.SpecReader;
import io.tandem.config.TuneSpec;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.experiment.Strategy.Rung;
import io.tandem.training.EpochResult;
import io.tandem.training.TrainingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Searches and comparisons go on where they were stopped, to the same end. */
final class ExperimentTest {
  private static final String RATES = "tune: {training.optimizer.rate: [1.0e-9, 0.1]}\n";

  @TempDir Path folder;

  @BeforeEach
  void writeData() throws IOException {
    Files.writeString(folder.resolve("train.csv"), events(1, 7));
    Files.writeString(folder.resolve("validation.csv"), events(2, 2));
    Files.writeString(folder.resolve("test.csv"), events(3, 2));
  }

  @Test
  void theBetterOfTwoSettingsIsFound() throws IOException {
    List<Trial> trials = search(RATES, Strategy.RANDOM, "a", 5, new Recorder());

    // The ranges hold no more than two.
    assertThat(trials).hasSize(2);
    assertThat(trials.get(0).settings()).containsEntry("training.optimizer.rate", "0.1");
    assertThat(trials.get(0).rank()).isGreaterThan(1.5 * trials.get(1).rank());
    assertThat(trials).allMatch(trial -> trial.epochs() == 9);
  }

  @Test
  void theTestSetHasNoPartInASearch() throws IOException {
    List<Trial> before = search(RATES, Strategy.RANDOM, "a", 2, new Recorder());
    Files.writeString(folder.resolve("test.csv"), events(99, 3));
    Recorder again = new Recorder();
    List<Trial> after = search(RATES, Strategy.RANDOM, "a", 2, again);

    // Other test data, but not another search: every trial is found done.
    assertThat(again.begun).isEmpty();
    assertThat(after).isEqualTo(before);
  }

  @Test
  void aStoppedSearchContinuesToTheResultOfAnUnbrokenOne() throws IOException {
    String ranges = "tune: {training.temperature: {from: 0.05, to: 0.5, scale: log}}\n";
    List<Trial> unbroken = search(ranges, Strategy.HALVING, "unbroken", 3, new Recorder());
    Recorder stopper = new Recorder();
    stopper.stopAfterEpoch = 4;

    assertThat(searchOrNull(ranges, Strategy.HALVING, "broken", 3, stopper)).isNull();
    Recorder rest = new Recorder();
    List<Trial> resumed = search(ranges, Strategy.HALVING, "broken", 3, rest);

    assertThat(metrics(resumed)).isEqualTo(metrics(unbroken));
    // Three epochs for each of three trials, then the best one's other six; it began before.
    assertThat(rest.begun).hasSize(1);
    assertThat(rest.epochs).startsWith(5).endsWith(9);
  }

  @Test
  void aTrialThatFailsIsRecordedAndTheSearchGoesOn() throws IOException {
    String ranges = "tune: {training.optimizer.rate: [1.0e38, 0.1]}\n";

    List<Trial> trials = search(ranges, Strategy.RANDOM, "a", 2, new Recorder());
    Recorder again = new Recorder();

    assertThat(trials.get(0).status()).isEqualTo(Trial.Status.DONE);
    assertThat(trials.get(1).status()).isEqualTo(Trial.Status.FAILED);
    assertThat(trials.get(1).error()).contains("try lower learning rates");
    assertThat(search(ranges, Strategy.RANDOM, "a", 2, again)).isEqualTo(trials);
    assertThat(again.begun).isEmpty();
  }

  @Test
  void aRecordCutShortIsRunAgain() throws IOException {
    List<Trial> trials = search(RATES, Strategy.RANDOM, "a", 2, new Recorder());
    Path log = folder.resolve("a/trials.jsonl");
    String whole = Files.readString(log);
    Files.writeString(log, whole.substring(0, whole.length() - 20));
    Recorder again = new Recorder();

    assertThat(metrics(search(RATES, Strategy.RANDOM, "a", 2, again))).isEqualTo(metrics(trials));
    assertThat(again.begun).hasSize(1);
    assertThat(Files.readAllLines(log)).hasSize(3);
  }

  @Test
  void alsAndPopularityAreSearchedToo() throws IOException {
    String als = "tune: {model.sweeps: {from: 1, to: 3, integer: true}}\n";
    String popularity = "tune: {model.half_life_days: [0, 0.00001]}\n";

    List<Trial> sweeps = search(als, Strategy.RANDOM, "als", 3, new Recorder());
    assertThat(sweeps).hasSize(3);
    assertThat(new HashSet<>(sweeps.stream().map(Trial::bestEpoch).toList()))
        .containsExactlyInAnyOrder(1, 2, 3);
    assertThat(search(popularity, Strategy.RANDOM, "popularity", 2, new Recorder()))
        .hasSize(2)
        .allMatch(trial -> trial.rank() > 0);
  }

  @Test
  void aStoppedComparisonContinues() throws IOException {
    try (Dataset dataset = DatasetReader.read(spec(RATES).data())) {
      Comparison unbroken = comparison(dataset, "unbroken");
      assertThat(unbroken.train((run, number, of) -> TrainingListener.NONE)).isTrue();
      Comparison first = comparison(dataset, "broken");
      boolean done =
          first.train(
              (run, number, of) ->
                  new TrainingListener() {
                    @Override
                    public void epochEnded(EpochResult result) {
                      if (result.epoch() == 4) {
                        first.stop();
                      }
                    }
                  });
      assertThat(done).isFalse();
      Recorder rest = new Recorder();
      Comparison second = comparison(dataset, "broken");
      assertThat(second.train((run, number, of) -> rest)).isTrue();

      assertThat(rest.epochs).startsWith(5).endsWith(9);
      float[] vectors = vectors(second);
      assertThat(vectors).isEqualTo(vectors(unbroken)).hasSize(20 * 8);
    }
  }

  @Test
  void halvingGivesEpochsToTheBestThird() {
    assertThat(Strategy.HALVING.rungs(27, 30))
        .containsExactly(new Rung(27, 1), new Rung(9, 3), new Rung(3, 10), new Rung(1, 30));
    assertThat(Strategy.HALVING.rungs(2, 30)).containsExactly(new Rung(2, 30));
    assertThat(Strategy.HALVING.rungs(10, 4)).containsExactly(new Rung(10, 1), new Rung(3, 4));
    assertThat(Strategy.RANDOM.rungs(5, 30)).containsExactly(new Rung(5, 30));
  }

  @Test
  void drawsStayInTheirRangesAndFewerAreThePrefixOfMore() throws IOException {
    TuneSpec ranges =
        tune(
            """
            tune:
              model.dim: {from: 1, to: 8, integer: true, scale: log}
              training.temperature: {from: 0.02, to: 0.5, scale: log}
              training.label_smoothing: {from: 0, to: 0.3}
              model.query_hidden: [[], [64, 32]]
            """);

    List<Map<String, String>> drawn = Draws.settings(ranges, 500, 7);

    assertThat(drawn).doesNotHaveDuplicates().hasSize(500);
    assertThat(Draws.settings(ranges, 20, 7)).isEqualTo(drawn.subList(0, 20));
    assertThat(drawn.stream().map(each -> each.get("model.dim")).distinct()).hasSize(8);
    assertThat(numbers(drawn, "training.temperature")).allMatch(t -> t >= 0.02 && t <= 0.5);
    // Half of a logarithmic scale from 0.02 to 0.5 lies below 0.1.
    assertThat(numbers(drawn, "training.temperature").stream().filter(t -> t < 0.1).count())
        .isBetween(200L, 300L);
    assertThat(numbers(drawn, "training.label_smoothing")).allMatch(t -> t >= 0 && t <= 0.3);
    assertThat(drawn.stream().map(each -> each.get("model.query_hidden")).distinct())
        .containsExactlyInAnyOrder("[]", "[64, 32]");
  }

  @Test
  void wrongRangesAreReportedTogetherWithTheirLines() {
    assertThatThrownBy(
            () ->
                tune(
                    """
                    tune:
                      data.split.type: [random]
                      model.dim: 3
                      training.epochs: {from: 9, to: 3}
                      training.temperature: {from: 0, to: 1, scale: log, step: 2}
                      training.metric: [recall@10, recall@20]
                      model.dropout: []
                    """))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining(
            "line 6: tune.data.split.type: expected a dotted key of model, features or training")
        .hasMessageContaining("line 7: tune.model.dim: expected a list of values, or from and to")
        .hasMessageContaining("line 8: tune.training.epochs.to: expected a number above from: 9.0")
        .hasMessageContaining("line 9: tune.training.temperature.from: expected a number above 0")
        .hasMessageContaining("line 9: tune.training.temperature.step: expected")
        .hasMessageContaining(
            "line 10: tune.training.metric: expected a key that trials may differ")
        .hasMessageContaining("line 11: tune.model.dropout: expected at least one value");
  }

  @Test
  void rangesOfKeysOrValuesThatAreWrongAreRefusedBeforeAnyTrial() {
    assertThatThrownBy(
            () -> search("tune: {model.dimm: [8]}\n", Strategy.RANDOM, "a", 1, new Recorder()))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("model.dimm: expected dim");
    assertThatThrownBy(
            () ->
                search("tune: {training.epochs: [8]}\n", Strategy.HALVING, "a", 1, new Recorder()))
        .hasMessageContaining("tune.training.epochs: expected another key");
    assertThatThrownBy(() -> search("", Strategy.RANDOM, "a", 1, new Recorder()))
        .hasMessageContaining("found no tune section");
  }

  private static List<Double> numbers(List<Map<String, String>> settings, String key) {
    return settings.stream().map(each -> Double.parseDouble(each.getOrDefault(key, ""))).toList();
  }

  private static Map<Integer, Double> metrics(List<Trial> trials) {
    Map<Integer, Double> metrics = new LinkedHashMap<>();
    trials.forEach(trial -> metrics.put(trial.number(), trial.rank()));
    return metrics;
  }

  private static float[] vectors(Comparison comparison) {
    return comparison.entrants().get(0).runs().get(0).embeddings().itemVectors();
  }

  private Comparison comparison(Dataset dataset, String name) throws IOException {
    return new Comparison(List.of(List.of(spec(RATES))), dataset, folder.resolve(name));
  }

  private List<Trial> search(
      String ranges, Strategy strategy, String name, int count, Recorder recorder)
      throws IOException {
    List<Trial> trials = searchOrNull(ranges, strategy, name, count, recorder);
    return trials == null ? List.of() : trials;
  }

  private @Nullable List<Trial> searchOrNull(
      String ranges, Strategy strategy, String name, int count, Recorder recorder)
      throws IOException {
    TuneSpec tune = tune(ranges);
    try (Dataset dataset = DatasetReader.read(spec(ranges).data())) {
      Search search =
          new Search(
              tune,
              settings -> SpecReader.read(folder.resolve("model.yaml"), settings),
              strategy,
              dataset,
              folder.resolve(name));
      recorder.search = search;
      return search.run(count, 1, recorder);
    }
  }

  private TuneSpec tune(String ranges) throws IOException {
    return SpecReader.readTune(write(ranges), Map.of());
  }

  private ModelSpec spec(String ranges) throws IOException {
    return SpecReader.read(write(ranges), Map.of());
  }

  /** A model that has the searched parameters: by the ranges, ALS, popularity or towers. */
  private Path write(String ranges) throws IOException {
    String model = "{dim: 8, query_hidden: [], item_hidden: []}";
    if (ranges.contains("sweeps")) {
      model = "{type: matrix_factorization, dim: 4}";
    } else if (ranges.contains("half_life")) {
      model = "{type: popularity}";
    }
    return Files.writeString(
        folder.resolve("model.yaml"),
        """
            data: {interactions: {path: train.csv, query: user, item: item, time: t},
              split: {type: provided, validation: validation.csv, test: test.csv}}
            model: %s
            training: {batch: 64, epochs: 9, patience: 0, metric: recall@5, optimizer: {rate: 0.1}}
            """
                .formatted(model)
            + ranges);
  }

  /** Even users like even items; every user and item is in each file. */
  private static String events(long seed, int each) {
    Random random = new Random(seed);
    StringBuilder events = new StringBuilder("user,item,t\n");
    for (int user = 0; user < 40; user++) {
      events.append("u%d,i%d,0%n".formatted(user, user % 20));
      for (int event = 0; event < each; event++) {
        int item = random.nextInt(10) * 2 + user % 2;
        events.append("u%d,i%d,%d%n".formatted(user, item, event + 100 * seed));
      }
    }
    return events.toString();
  }

  /** Notes which trials and epochs are run; stops the search after an epoch. */
  private static final class Recorder implements Search.Announcer, TrainingListener {
    private final List<Integer> begun = new ArrayList<>();
    private final List<Integer> epochs = new ArrayList<>();
    private @Nullable Search search;
    private int stopAfterEpoch = Integer.MAX_VALUE;

    @Override
    public TrainingListener begins(int number, Map<String, String> settings, int limit) {
      begun.add(number);
      return this;
    }

    @Override
    public void ended(Trial trial) {}

    @Override
    public void epochEnded(EpochResult result) {
      epochs.add(result.epoch());
      if (result.epoch() == stopAfterEpoch && search != null) {
        search.stop();
      }
    }
  }
}
