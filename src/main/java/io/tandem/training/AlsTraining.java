package io.tandem.training;

import io.tandem.artifact.Publisher;
import io.tandem.baseline.ImplicitAls;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.data.Dataset;
import io.tandem.evaluation.EmbeddingRanker;
import io.tandem.evaluation.HeldOut;
import io.tandem.evaluation.Metrics;
import io.tandem.evaluation.Ranking;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.tower.ExportedFactors;
import io.tandem.training.Trainer.Start;
import io.tandem.training.TrainingResult.End;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Matrix factorization by ALS: sweeps, each validated and kept to continue from. */
final class AlsTraining {
  private static final double FIRST_DEVIATION = 0.1;

  private final ModelSpec spec;
  private final ModelConfig.MatrixFactorization model;
  private final Dataset dataset;
  private final Path folder;
  private final TrainingListener listener;
  private final BooleanSupplier stopping;

  AlsTraining(
      ModelSpec spec,
      ModelConfig.MatrixFactorization model,
      Dataset dataset,
      Path folder,
      TrainingListener listener,
      BooleanSupplier stopping) {
    this.spec = spec;
    this.model = model;
    this.dataset = dataset;
    this.folder = folder;
    this.listener = listener;
    this.stopping = stopping;
  }

  Trained train(Start start) {
    boolean refit = spec.training().refit() && dataset.split().validation().size() > 0;
    Run chosen = run(dataset, folder.resolve("fit"), start);
    Run last = chosen;
    if (refit && chosen.end() != End.INTERRUPTED) {
      Path again = folder.resolve("refit");
      boolean resumed = start == Start.RESUME && Files.exists(AlsCheckpoint.file(again));
      last = run(dataset.withValidationInTraining(), again, resumed ? Start.RESUME : Start.FRESH);
    }
    Publisher.Model published = null;
    if (last.end() != End.INTERRUPTED) {
      published = export(refit ? dataset.withValidationInTraining() : dataset, last.state());
    }
    Map<String, Double> facts = new LinkedHashMap<>();
    int sweeps = chosen.sweeps().size();
    if (sweeps > 0) {
      Metrics validation = chosen.sweeps().get(sweeps - 1).validation();
      if (validation != null) {
        facts.put("validation.recall@" + validation.k(), validation.recall());
        facts.put("validation.ndcg@" + validation.k(), validation.ndcg());
      }
      facts.put("objective", chosen.sweeps().get(sweeps - 1).loss());
    }
    facts.put("sweeps", (double) sweeps);
    return new Trained(published, chosen.sweeps(), sweeps, facts, last.end());
  }

  /** A run of sweeps. */
  private record Run(ImplicitAls.State state, List<EpochResult> sweeps, End end) {}

  private Run run(Dataset data, Path where, Start start) {
    int items = data.itemKeys().size();
    ImplicitAls als = new ImplicitAls(data.split().train(), items, settings());
    AlsCheckpoint checkpoint = new AlsCheckpoint(where, Fingerprint.of(spec, data));
    List<EpochResult> sweeps = new ArrayList<>();
    ImplicitAls.State from = als.start();
    if (start == Start.RESUME) {
      from = checkpoint.read(sweeps, from);
    }
    HeldOut validation =
        HeldOut.validation(data, HeldOut.Seen.EXCLUDED)
            .sample(spec.training().maxValidationQueries(), spec.training().seed());
    listener.started(from.sweep(), model.sweeps(), data.split().train().size());
    ImplicitAls.State last =
        als.train(
            from,
            (progress, state) -> {
              long begin = System.nanoTime();
              Metrics metrics = validate(validation, state);
              EpochResult sweep =
                  new EpochResult(
                      progress.sweep(),
                      progress.objective(),
                      metrics,
                      progress.seconds(),
                      (System.nanoTime() - begin) / 1e9);
              sweeps.add(sweep);
              checkpoint.write(state, sweeps);
              listener.stepped(progress.sweep(), progress.objective());
              listener.epochEnded(sweep);
              return stopping.getAsBoolean() ? ImplicitAls.Next.STOP : ImplicitAls.Next.CONTINUE;
            });
    End end = last.sweep() < model.sweeps() ? End.INTERRUPTED : End.ALL_EPOCHS;
    listener.finished(end);
    return new Run(last, sweeps, end);
  }

  private ImplicitAls.Settings settings() {
    return new ImplicitAls.Settings(
        model.dim(),
        model.sweeps(),
        model.unobservedWeight(),
        model.regularization(),
        model.regularizationExponent(),
        FIRST_DEVIATION,
        spec.training().seed(),
        Runtime.getRuntime().availableProcessors());
  }

  private @Nullable Metrics validate(HeldOut validation, ImplicitAls.State state) {
    int n = validation.queries().length;
    if (n == 0) {
      return null;
    }
    int dim = state.dim();
    float[] queries = new float[n * dim];
    for (int i = 0; i < n; i++) {
      System.arraycopy(state.queries(), validation.queries()[i] * dim, queries, i * dim, dim);
    }
    int k = spec.training().metric().k();
    int[][] lists =
        Ranking.top(new EmbeddingRanker(queries, state.items(), dim), validation.question(), k);
    return Metrics.of(lists, validation.question().relevant(), k);
  }

  private Publisher.Model export(Dataset data, ImplicitAls.State state) {
    Features features = Features.fit(spec.features(), spec.data(), data);
    int dim = state.dim();
    int rows = features.itemSchema().slots().get(0).table().rows();
    float[] vectors = new float[Math.multiplyExact(rows, dim)];
    FeatureBatch items = features.items().encodeAll(data.items());
    long[] counts = data.split().train().itemCounts(data.itemKeys().size());
    for (int item = 0; item < items.rows(); item++) {
      int row = items.ids(0)[items.start(0, item)];
      if (counts[item] > 0) {
        System.arraycopy(state.items(), item * dim, vectors, row * dim, dim);
      }
    }
    Path towers = Training.emptied(folder.resolve("towers"));
    ExportedFactors.write(
        towers,
        features.querySchema(),
        features.itemSchema(),
        vectors,
        settings(),
        data.itemKeys().size());
    return new Publisher.Towers(features, towers);
  }
}
