package io.tandem.rebuild;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Draft;
import io.tandem.artifact.ExclusiveFile;
import io.tandem.artifact.ItemTower;
import io.tandem.artifact.Manifest.Gate;
import io.tandem.artifact.Manifest.Rebuilt;
import io.tandem.artifact.Manifest.Verdict;
import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Publisher;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import io.tandem.config.DataSpec;
import io.tandem.config.ModelSpec;
import io.tandem.config.SourceSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.index.BuiltIndex;
import io.tandem.rebuild.RebuildResult.Outcome;
import io.tandem.training.TrainingListener;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The nightly job on one store: reads the newest catalogue, embeds what changed with the current
 * towers (or with towers trained anew), builds the index, proves that the result is good, and
 * publishes it. Whatever goes wrong, the current version stays whole and current.
 *
 * <pre>{@code
 * RebuildResult result = Rebuild.of(store).items(Path.of("items.csv")).run();
 * }</pre>
 *
 * <p>A job that died is continued by the next: embedded chunks, and the checkpoints of a training,
 * lie in {@code STORE/rebuild} until a version is published. Reports lie in {@code STORE/rebuilds}.
 * The same catalogue, interactions, current version and number of threads give the same bytes in
 * every file of the version; its manifest, and so its id, also says when it was made. Not
 * thread-safe; one run each.
 */
public final class Rebuild {
  /** Folder of a store that an unfinished job leaves its parts in. */
  static final String WORK = "rebuild";

  /** File of a store that says who rebuilds it. */
  static final String LOCK = "rebuild.lock";

  private final Store store;
  private final Map<String, String> overrides = new LinkedHashMap<>();
  private final Map<String, String> forced = new LinkedHashMap<>();
  private @Nullable Path items;
  private @Nullable TrainingListener training;
  private @Nullable Path metrics;
  private @Nullable Cluster cluster;
  private int keep;
  private int threads = Runtime.getRuntime().availableProcessors();
  private RebuildListener listener = RebuildListener.NONE;

  private final List<Step.Done> steps = new ArrayList<>();
  private List<Gate> gates = List.of();
  private List<String> pruned = List.of();
  private @Nullable String before;
  private @Nullable String version;
  private @Nullable Rebuilt rebuilt;
  private @Nullable VectorHealth healthBefore;
  private @Nullable VectorHealth healthAfter;
  private @Nullable Probes probes;

  private Rebuild(Store store) {
    this.store = store;
  }

  /** A rebuild of a store's current version. */
  public static Rebuild of(Store store) {
    return new Rebuild(store);
  }

  /** Reads the items from another file than the specification's, in the same columns. */
  public Rebuild items(Path file) {
    items = file;
    return this;
  }

  /** Replaces a value of the specification, by its dotted key. */
  public Rebuild set(String key, String value) {
    overrides.put(key, value);
    return this;
  }

  /** Trains new towers first, beginning with what the current ones learned. */
  public Rebuild train(TrainingListener told) {
    training = told;
    return this;
  }

  /** Takes vectors and index from a cluster, instead of embedding and building here. */
  public Rebuild on(Cluster machines) {
    cluster = machines;
    return this;
  }

  /**
   * Publishes although a gate refuses; what is said of it in the manifest holds the reason.
   *
   * @throws IllegalArgumentException if there is no such gate
   */
  public Rebuild force(String gate, String why) {
    if (!Gates.NAMES.contains(gate)) {
      throw new IllegalArgumentException(
          "expected one of the gates %s, found '%s'"
              .formatted(String.join(", ", Gates.NAMES), gate));
    }
    forced.put(gate, why);
    return this;
  }

  /** Keeps this many versions; by default as many as the specification says. */
  public Rebuild keep(int versions) {
    keep = versions;
    return this;
  }

  /** Encodes and embeds on this many threads; by default on all. */
  public Rebuild threads(int count) {
    threads = count;
    return this;
  }

  /** Is told how far it is. */
  public Rebuild listener(RebuildListener told) {
    listener = told;
    return this;
  }

  /** Writes what it came to in Prometheus' text format, also where it fails. */
  public Rebuild metrics(Path file) {
    metrics = file;
    return this;
  }

  /**
   * Does the work.
   *
   * @return what was published, or which gate refused
   * @throws ArtifactException if another rebuild is at work, there is no version to begin with, or
   *     something could not be written
   * @throws DataException if the source is not as it must be
   */
  public RebuildResult run() {
    Instant started = store.clock().instant();
    long begin = System.nanoTime();
    ExclusiveFile lock = lock(started);
    try {
      RebuildResult result;
      try {
        Outcome outcome = rebuild(started);
        result = result(started, begin, outcome, null);
      } catch (RuntimeException | Error e) {
        report(result(started, begin, Outcome.FAILED, String.valueOf(e.getMessage())), e);
        throw e;
      }
      report(result, null);
      return result;
    } finally {
      free(lock);
    }
  }

  private static void free(ExclusiveFile lock) {
    try {
      lock.close();
    } catch (IOException e) {
      throw new ArtifactException("cannot free the lock of the rebuild: " + e.getMessage(), e);
    }
  }

  private ExclusiveFile lock(Instant started) {
    Timer timer = begin(Step.LOCK);
    try {
      ExclusiveFile lock =
          ExclusiveFile.take(
              store.folder(),
              LOCK,
              "process %d since %s".formatted(ProcessHandle.current().pid(), started));
      if (lock.leftBy() != null) {
        timer.fact("left_by", lock.leftBy());
      }
      timer.end();
      return lock;
    } catch (ExclusiveFile.HeldException e) {
      throw new ArtifactException(
          "%s: expected no other rebuild, found one at work: %s"
              .formatted(store.folder(), e.holder()),
          e);
    } catch (IOException e) {
      throw new ArtifactException(
          "cannot lock " + store.folder().resolve(LOCK) + ": " + e.getMessage(), e);
    }
  }

  private Outcome rebuild(Instant started) {
    before =
        store
            .currentId()
            .orElseThrow(
                () ->
                    new ArtifactException(
                        store.folder()
                            + ": expected a published version to rebuild, found none; train one"
                            + " first"));
    Timer opening = begin(Step.OPEN);
    try (OpenVersion live = store.openCurrent()) {
      before = live.version().id();
      opening.fact("version", live.version().id()).fact("items", live.items().size()).end();
      OpenVersion.QuerySide side = live.querySide();
      if (side == null) {
        throw new DataException(
            "version %s: expected a model with towers, found popularity, which training counts anew"
                .formatted(before));
      }
      ModelSpec spec = SpecReader.read(live.version().spec(), overrides);
      requireSameModel();
      if (cluster != null) {
        cluster.requireBuildable(spec.index());
      }
      DataSpec data = data(spec.data());
      Timer timer = begin(Step.READ);
      try (Dataset dataset = DatasetReader.read(data, DatasetReader.Items.CATALOGUE)) {
        Dataset.Split split = dataset.split();
        timer
            .fact("items", dataset.itemKeys().size())
            .fact("queries", dataset.queryKeys().size())
            .fact(
                "interactions",
                split.train().size() + split.validation().size() + split.test().size())
            .end();
        return rebuild(live, side, spec, data, dataset, started);
      }
    }
  }

  private Outcome rebuild(
      OpenVersion live,
      OpenVersion.QuerySide side,
      ModelSpec spec,
      DataSpec data,
      Dataset dataset,
      Instant started) {
    Map<String, Double> facts = new TreeMap<>(live.version().manifest().metrics());
    facts.keySet().removeIf(name -> name.startsWith("gate.") || name.startsWith("missing."));
    Publisher.Towers towers = new Publisher.Towers(side.features(), live.version().towers());
    TrainingListener told = training;
    if (told != null) {
      Timer timer = begin(Step.TRAIN);
      Retraining.Result trained =
          new Retraining(spec, dataset, store.folder().resolve(WORK).resolve("training"))
              .train(towers, told);
      towers = trained.towers();
      facts.putAll(trained.facts());
      timer.fact("warm_rows", trained.warmRows()).end();
    }
    Timer preparing = begin(Step.PREPARE);
    try (Draft draft = Draft.begin(store, spec, towers, dataset, started)) {
      preparing.end();
      Catalogue catalogue = embed(live, towers, draft, dataset);
      Rebuilt counts = catalogue.rebuilt(source(data), told != null);
      rebuilt = counts;
      build(spec, draft, dataset, catalogue);
      Timer timer = begin(Step.WRITE);
      facts.putAll(catalogue.missing());
      Version written = draft.write(facts);
      timer.fact("bytes", bytes(written)).end();
      gates = gates(live, draft, spec, dataset, catalogue);
      boolean refused = gates.stream().anyMatch(gate -> gate.verdict() == Verdict.REFUSED);
      timer = begin(Step.PUBLISH);
      Version decided = refused ? draft.setAside(counts, gates) : draft.publish(counts, gates);
      version = decided.id();
      timer.fact(refused ? "candidate" : "version", decided.id()).end();
      if (refused) {
        prune(spec, draft);
        return Outcome.REFUSED;
      }
      prune(spec, draft);
    }
    return Outcome.PUBLISHED;
  }

  private Catalogue embed(OpenVersion live, Publisher.Towers towers, Draft draft, Dataset dataset) {
    Timer timer = begin(Step.EMBED);
    ItemTower tower = ItemTower.open(towers.features(), towers.towers());
    boolean sameModel = training == null;
    String modelHash = sameModel ? live.version().modelHash() : Retraining.hash(towers);
    Chunks chunks =
        cluster != null
            ? null
            : new Chunks(store.folder().resolve(WORK).resolve("chunks"), store.disk(), modelHash);
    Catalogue catalogue = new Catalogue(live, tower, sameModel, chunks, threads);
    int total = dataset.itemKeys().size();
    catalogue.addTo(draft, dataset.items(), done -> listener.progress(Step.EMBED, done, total));
    Rebuilt counts = catalogue.rebuilt("", !sameModel);
    timer
        .fact("items", total)
        .fact("added", counts.added())
        .fact("changed", counts.changed())
        .fact("removed", counts.removed())
        .fact("unchanged", counts.unchanged())
        .fact("embedded", counts.embedded())
        .fact("resumed", catalogue.resumed())
        .fact("encode_thread_seconds", catalogue.encodeSeconds())
        .fact("embed_thread_seconds", catalogue.embedSeconds())
        .end();
    return catalogue;
  }

  private void build(ModelSpec spec, Draft draft, Dataset dataset, Catalogue catalogue) {
    Timer timer = begin(Step.BUILD);
    Cluster machines = cluster;
    BuiltIndex built =
        machines == null
            ? draft.build(
                spec.rebuild().reproducible() ? Draft.Threads.REPRODUCIBLE : Draft.Threads.ALL,
                (stage, type, done, total) -> listener.progress(Step.BUILD, done, total))
            : draft.build(
                (queries, n) -> {
                  Cluster.Indexed made =
                      machines.index(dataset.itemKeys(), spec.index(), queries, n);
                  catalogue.notFinite(made.notFinite(), made.firstNotFinite());
                  return made.index();
                });
    timer.fact("index", built.type()).fact("recall", built.recall()).end();
  }

  private List<Gate> gates(
      OpenVersion live, Draft draft, ModelSpec spec, Dataset dataset, Catalogue catalogue) {
    Timer timer = begin(Step.GATES);
    try (OpenVersion open = draft.open()) {
      healthBefore = VectorHealth.of(live.index());
      healthAfter = VectorHealth.of(open.index());
      Probes asked = Probes.ask(live, open, dataset, spec.rebuild(), spec.training().seed());
      probes = asked;
      List<Gate> said =
          new Gates(live, open, spec.rebuild().gates())
                  .ask(
                      catalogue,
                      Objects.requireNonNull(healthBefore),
                      Objects.requireNonNull(healthAfter),
                      asked,
                      training == null)
                  .stream()
                  .map(this::overruled)
                  .toList();
      timer
          .fact("asked", said.size())
          .fact("refused", said.stream().filter(g -> g.verdict() == Verdict.REFUSED).count())
          .end();
      return said;
    }
  }

  private Gate overruled(Gate gate) {
    String why = forced.get(gate.name());
    return why != null && gate.verdict() == Verdict.REFUSED ? gate.forced(why) : gate;
  }

  private void prune(ModelSpec spec, Draft draft) {
    draft.close();
    Timer timer = begin(Step.PRUNE);
    try {
      int left = keep > 0 ? keep : spec.rebuild().keep();
      pruned = store.prune(left);
      if (gates.stream().noneMatch(gate -> gate.verdict() == Verdict.REFUSED)) {
        store.disk().deleteAll(store.folder().resolve(WORK));
      }
      Reports.prune(store);
    } catch (IOException e) {
      throw new ArtifactException("cannot delete what is no longer needed: " + e.getMessage(), e);
    }
    timer.fact("deleted", pruned.size()).end();
  }

  /** Without training, what the towers were trained for cannot change. */
  private void requireSameModel() {
    if (training != null && cluster != null) {
      throw new IllegalArgumentException(
          "expected a cluster's vectors without training, which makes other ones");
    }
    for (String key : overrides.keySet()) {
      if (training == null && !key.matches("(data|index|rebuild)(\\..*)?")) {
        throw new IllegalArgumentException(
            "%s: expected a key of data, index or rebuild without training, found another"
                .formatted(key));
      }
    }
  }

  private DataSpec data(DataSpec data) {
    Path file = items;
    if (file == null) {
      return data;
    }
    DataSpec.EntitySpec given = data.items();
    SourceSpec source = SourceSpec.file(file.toAbsolutePath());
    if (given != null && given.source().path() != null) {
      SourceSpec like = given.source();
      source =
          new SourceSpec(
              file.toAbsolutePath(),
              null,
              like.sql(),
              like.where(),
              SourceSpec.Format.AUTO,
              like.delimiter(),
              like.columns(),
              like.encoding());
    }
    String key = given == null ? data.interactions().item() : given.key();
    return new DataSpec(
        data.interactions(), data.queries(), new DataSpec.EntitySpec(source, key), data.split());
  }

  private static String source(DataSpec data) {
    DataSpec.EntitySpec items = data.items();
    SourceSpec source = items == null ? data.interactions().source() : items.source();
    return source.path() == null ? "a database" : source.path().toString();
  }

  private static long bytes(Version version) {
    return version.manifest().files().values().stream().mapToLong(file -> file.size()).sum();
  }

  private RebuildResult result(
      Instant started, long begin, Outcome outcome, @Nullable String failure) {
    return new RebuildResult(
        store.folder().toString(),
        Reports.run(started),
        started.toString(),
        (System.nanoTime() - begin) / 1e9,
        outcome,
        before,
        version,
        failure,
        rebuilt,
        steps,
        gates,
        healthBefore,
        healthAfter,
        probes,
        pruned);
  }

  /** What failed is more important than that it cannot be reported. */
  private void report(RebuildResult result, @Nullable Throwable failure) {
    try {
      Reports.write(store, result);
      if (metrics != null) {
        RebuildMetrics.write(result, store, metrics);
      }
    } catch (IOException | RuntimeException e) {
      if (failure == null) {
        throw new ArtifactException(
            "the rebuild ended (%s), but its report cannot be written: %s"
                .formatted(result.outcome(), e.getMessage()),
            e);
      }
      failure.addSuppressed(e);
    }
  }

  private Timer begin(Step step) {
    listener.begins(step);
    return new Timer(step);
  }

  /** A step under way. */
  private final class Timer {
    private final Step step;
    private final long begin = System.nanoTime();
    private final Map<String, Object> facts = new LinkedHashMap<>();

    Timer(Step step) {
      this.step = step;
    }

    Timer fact(String name, Object value) {
      facts.put(name, value);
      return this;
    }

    void end() {
      Step.Done done = new Step.Done(step, (System.nanoTime() - begin) / 1e9, facts);
      steps.add(done);
      listener.ended(done);
    }
  }
}
