package io.tandem.cli;

import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.config.TrainingConfig;
import io.tandem.config.TuneSpec;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.experiment.Search;
import io.tandem.experiment.Strategy;
import io.tandem.experiment.Trial;
import io.tandem.report.Table;
import io.tandem.training.ProgressListener;
import io.tandem.training.TrainingListener;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "tune",
    mixinStandardHelpOptions = true,
    description =
        "Searches the ranges of a specification's tune section for the best metric"
            + " (training.metric) on the validation set. The test set has no part in it.",
    footer = {
      "",
      "Ranges are lists of values or intervals, by dotted key; other commands ignore them:",
      "  tune:",
      "    model.dim: [32, 64, 128]",
      "    training.temperature: {from: 0.02, to: 0.5, scale: log}",
      "    model.sweeps: {from: 4, to: 32, integer: true}",
      "",
      "random gives every trial all its epochs. halving gives all few, the best third of them",
      "three times as many, and so on: many more trials in the same time, but settings that begin",
      "slowly are lost.",
      "",
      "Called again, the search goes on where it was stopped; a larger --trials adds trials to it.",
      "The best settings are written to best.yaml, as a whole specification.",
      "",
      "  tandem tune model.yaml --trials 20",
      "  tandem tune model.yaml --trials 81 --strategy halving --out search",
      "  tandem train search/best.yaml --out store"
    })
final class TuneCommand implements Callable<Integer> {

  @Parameters(paramLabel = "SPEC", description = "The model's specification, in YAML.")
  Path specification = Path.of("");

  @Option(
      names = "--trials",
      paramLabel = "N",
      required = true,
      description = "How many different settings to try.")
  int trials;

  @Option(
      names = "--strategy",
      paramLabel = "NAME",
      defaultValue = "random",
      description = "random or halving (default: ${DEFAULT-VALUE}).")
  Strategy strategy = Strategy.RANDOM;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "What settings are drawn by (default: ${DEFAULT-VALUE}).")
  long seed;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Replaces a value of the specification; may be repeated.")
  Map<String, String> overrides = new LinkedHashMap<>();

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description = "Where trials are recorded; by default .tandem/tune/NAME, by the model's name.")
  @Nullable Path out;

  @Mixin JsonOutput output = new JsonOutput();

  @Override
  public Integer call() {
    if (trials < 1) {
      throw output.wrongCall("--trials: expected a number of at least 1, found " + trials);
    }
    TuneSpec ranges = SpecReader.readTune(specification, overrides);
    ModelSpec spec = with(Map.of());
    Path folder = out == null ? Path.of(".tandem", "tune", spec.name()) : out;
    List<Trial> done;
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      Search search = new Search(ranges, this::with, strategy, dataset, folder);
      done =
          StopHook.during(
              search::stop, () -> search.run(trials, seed, new Lines(spec.training().metric())));
    }
    PrintWriter console = output.text();
    if (done == null) {
      console.printf("Stopped; the same command continues.%n");
      console.flush();
      return Failure.FAILED;
    }
    console.printf("%nValidation set, best first:%n%n%s", table(done, ranges, spec));
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("folder", folder.toString());
    json.put("metric", name(spec.training().metric()));
    json.put("trials", done);
    Trial best = done.get(0);
    if (best.status() == Trial.Status.DONE) {
      Path file = write(with(best.settings()), folder);
      json.put("best", best);
      json.put("specification", file.toString());
      console.printf("%nBest: %s%nAs a specification: %s%n", arguments(best.settings()), file);
    } else {
      console.printf("%nEvery trial failed.%n");
    }
    console.flush();
    output.json(json);
    return best.status() == Trial.Status.DONE ? 0 : Failure.FAILED;
  }

  private ModelSpec with(Map<String, String> settings) {
    Map<String, String> all = new LinkedHashMap<>(overrides);
    all.putAll(settings);
    return SpecReader.read(specification, all);
  }

  private static Path write(ModelSpec spec, Path folder) {
    Path file = folder.resolve("best.yaml");
    try {
      Files.writeString(file, SpecReader.write(spec));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file + ": " + e.getMessage(), e);
    }
    return file;
  }

  private static Table table(List<Trial> trials, TuneSpec ranges, ModelSpec spec) {
    List<String> header = new ArrayList<>(List.of("trial", name(spec.training().metric())));
    header.addAll(List.of("best epoch", "of", "training"));
    ranges.parameters().forEach(parameter -> header.add(parameter.key()));
    Table table = new Table(header.toArray(String[]::new));
    for (Trial trial : trials) {
      List<Object> row = new ArrayList<>();
      row.add(trial.number());
      row.add(trial.metric() == null ? "failed" : trial.metric());
      row.add(trial.bestEpoch());
      row.add(trial.epochs());
      row.add(String.format(Locale.ROOT, "%.1f s", trial.seconds()));
      ranges
          .parameters()
          .forEach(parameter -> row.add(trial.settings().getOrDefault(parameter.key(), "")));
      table.row(row.toArray());
    }
    return table;
  }

  private static String name(TrainingConfig.Metric metric) {
    return metric.kind().name().toLowerCase(Locale.ROOT) + "@" + metric.k();
  }

  /** As they are given on a command line. */
  private static String arguments(Map<String, String> settings) {
    return settings.entrySet().stream()
        .map(setting -> setting.getKey() + "=" + setting.getValue())
        .map(
            text ->
                text.matches("[A-Za-z0-9._=+-]+") ? text : "'" + text.replace("'", "'\\''") + "'")
        .map(text -> "--set " + text)
        .collect(Collectors.joining(" "));
  }

  /** A line for every trial; on a terminal also the course of each training. */
  private final class Lines implements Search.Announcer {
    private final String metric;
    private int begun;

    Lines(TrainingConfig.Metric metric) {
      this.metric = name(metric);
    }

    @Override
    public TrainingListener begins(int number, Map<String, String> settings, int epochs) {
      begun = number;
      say("[trial %d] %d epochs, %s%n", number, epochs, arguments(settings));
      boolean terminal = Terminal.present();
      return terminal ? new ProgressListener(System.out, true) : TrainingListener.NONE;
    }

    @Override
    public void ended(Trial trial) {
      String before = trial.number() == begun ? "" : ", recorded before";
      begun = 0;
      if (trial.metric() == null) {
        say("[trial %d] failed%s: %s%n", trial.number(), before, trial.error());
      } else {
        say(
            "[trial %d] %s %.4f after epoch %d of %d (%.1f s%s)%n",
            trial.number(),
            metric,
            trial.metric(),
            trial.bestEpoch(),
            trial.epochs(),
            trial.seconds(),
            before);
      }
    }

    private void say(String format, @Nullable Object... values) {
      output.text().printf(Locale.ROOT, format, values);
      output.text().flush();
    }
  }
}
