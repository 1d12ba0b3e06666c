package io.tandem.cli;

import io.tandem.artifact.Manifest;
import io.tandem.artifact.Publisher;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.training.ProgressListener;
import io.tandem.training.Trained;
import io.tandem.training.Trainer;
import io.tandem.training.Training;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    description =
        "Trains the model of a specification, indexes its items and publishes both as a new"
            + " version of a store.",
    footer = {
      "",
      "Ctrl-C ends training after the current step and leaves a checkpoint; --resume continues",
      "to the result that the training would have had without the break.",
      "",
      "  tandem train models/quickstart.yaml --out store --set training.epochs=5"
    })
final class TrainCommand implements Callable<Integer> {

  @Parameters(paramLabel = "SPEC", description = "The model's specification, in YAML.")
  Path specification = Path.of("");

  @Option(
      names = "--out",
      paramLabel = "STORE",
      description = "Store to publish in; by default .tandem/NAME, by the model's name.")
  @Nullable Path out;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Replaces a value of the specification; may be repeated.")
  Map<String, String> overrides = new LinkedHashMap<>();

  @Option(names = "--resume", description = "Continue from the last checkpoint in the store.")
  boolean resume;

  @Mixin JsonOutput output = new JsonOutput();

  /** Before any data is read. */
  private final Instant begun = Instant.now();

  @Override
  public Integer call() {
    PrintWriter console = output.text();
    ModelSpec spec = SpecReader.read(specification, overrides);
    Path folder = out == null ? Path.of(".tandem", spec.name()) : out;
    Store store = Store.create(folder);
    long begin = System.nanoTime();
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      Dataset.Split split = dataset.split();
      console.printf(
          Locale.ROOT,
          "Read %,d interactions of %,d queries with %,d items in %.1f s: %,d train, %,d validation,"
              + " %,d test.%n",
          split.train().size() + split.validation().size() + split.test().size(),
          dataset.queryKeys().size(),
          dataset.itemKeys().size(),
          (System.nanoTime() - begin) / 1e9,
          split.train().size(),
          split.validation().size(),
          split.test().size());
      console.flush();
      return train(store, spec, dataset, console);
    }
  }

  private int train(Store store, ModelSpec spec, Dataset dataset, PrintWriter console) {
    Training training =
        new Training(
            spec,
            dataset,
            TrainingFolder.of(store),
            new ProgressListener(System.out, Terminal.present()));
    Trainer.Start start = resume ? Trainer.Start.RESUME : Trainer.Start.FRESH;
    Trained trained = StopHook.during(training::stop, () -> training.train(start));
    Publisher.Model model = trained.model();
    if (model == null) {
      return Failure.FAILED;
    }
    TrainingFolder.writeHistory(store, trained.epochs());
    return publish(store, spec, model, dataset, trained.facts(), console);
  }

  private int publish(
      Store store,
      ModelSpec spec,
      Publisher.Model model,
      Dataset dataset,
      Map<String, Double> metrics,
      PrintWriter console) {
    long begin = System.nanoTime();
    Version version =
        StopHook.interrupting(
            () -> {
              try (IndexProgress progress = IndexProgress.shown()) {
                return Publisher.publish(
                    store,
                    spec,
                    model,
                    dataset,
                    metrics,
                    Runtime.getRuntime().availableProcessors(),
                    begun,
                    progress);
              }
            });
    Manifest manifest = version.manifest();
    console.printf(
        Locale.ROOT,
        "Published %s in %s: %,d items × %d, index %s with recall@%d %.4f (%.1f s).%n",
        version.id(),
        store.folder(),
        manifest.items(),
        manifest.dimension(),
        manifest.index().type(),
        manifest.index().recallAt(),
        manifest.index().recall(),
        (System.nanoTime() - begin) / 1e9);
    console.flush();
    output.json(
        Map.of("store", store.folder().toString(), "version", version.id(), "manifest", manifest));
    return 0;
  }
}
