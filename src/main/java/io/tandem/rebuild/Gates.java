package io.tandem.rebuild;

import io.tandem.artifact.Manifest;
import io.tandem.artifact.Manifest.Gate;
import io.tandem.artifact.Manifest.Verdict;
import io.tandem.artifact.MissingShares;
import io.tandem.artifact.OpenVersion;
import io.tandem.config.RebuildConfig;
import io.tandem.index.VectorIndex;
import io.tandem.tower.ExportedTower;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a rebuilt version must be to be published: a list of questions, each with what is expected
 * and what was found. All are asked, also after one refused, so that a report tells everything.
 */
final class Gates {
  /** Names, in the order in which they are asked. */
  static final List<String> NAMES =
      List.of(
          "size",
          "missing",
          "finite",
          "zero",
          "equal",
          "norm_drift",
          "dimensions",
          "index_recall",
          "model_match",
          "quality",
          "overlap",
          "latency");

  private static final double P99 = 0.99;

  /** Relative difference of a vector from its own tower's that rounding explains. */
  private static final double ROUNDING = 1e-4;

  /** What codes may take from a vector. */
  private static final double CODED = 0.5;

  private final OpenVersion live;
  private final OpenVersion draft;
  private final RebuildConfig.Gates limits;

  Gates(OpenVersion live, OpenVersion draft, RebuildConfig.Gates limits) {
    this.live = live;
    this.draft = draft;
    this.limits = limits;
  }

  List<Gate> ask(
      Catalogue catalogue,
      VectorHealth before,
      VectorHealth after,
      Probes probes,
      boolean sameModel) {
    List<Gate> gates =
        List.of(
            size(),
            missing(),
            finite(catalogue),
            atMost(
                "zero",
                after.zeros() - before.zeros(),
                limits.maxZero(),
                "rise of the share of zero vectors",
                shares(before.zeros(), after.zeros())),
            atMost(
                "equal",
                after.equal() - before.equal(),
                limits.maxEqual(),
                "rise of the share of equal vectors",
                shares(before.equal(), after.equal())),
            atMost(
                "norm_drift",
                after.lengthDrift(before),
                limits.maxNormDrift(),
                "change of the vectors' lengths",
                ""),
            dimensions(before, after),
            atLeast(
                "index_recall",
                draft.version().manifest().index().recall(),
                limits.minIndexRecall(),
                "recall@" + draft.version().manifest().index().recallAt(),
                ""),
            modelMatch(catalogue, sameModel),
            quality(probes.quality()),
            overlap(probes),
            latency(probes));
    if (!gates.stream().map(Gate::name).toList().equals(NAMES)) {
      throw new IllegalStateException("gates have other names than they are called by");
    }
    return gates;
  }

  private Gate size() {
    int before = live.items().size();
    int now = draft.items().size();
    double ratio = (double) now / before;
    return gate(
        "size",
        ratio >= limits.minSize() && ratio <= limits.maxSize(),
        ratio,
        "%s to %s of the %d items before"
            .formatted(number(limits.minSize()), number(limits.maxSize()), before),
        "%s: %d items".formatted(number(ratio), now));
  }

  private Gate missing() {
    Map<String, Double> then = live.version().manifest().metrics();
    String worst = "";
    double rise = Double.NEGATIVE_INFINITY;
    String of = "";
    for (Map.Entry<String, Double> share : draft.version().manifest().metrics().entrySet()) {
      Double before = then.get(share.getKey());
      if (share.getKey().startsWith(MissingShares.PREFIX)
          && before != null
          && share.getValue() - before > rise) {
        rise = share.getValue() - before;
        worst = share.getKey().substring(MissingShares.PREFIX.length());
        of = shares(before, share.getValue());
      }
    }
    String expected =
        "at most %s, rise of the share of items without a known value"
            .formatted(number(limits.maxMissing()));
    return worst.isEmpty()
        ? notMeasured("missing", expected, "no shares of the version before")
        : gate(
            "missing",
            rise <= limits.maxMissing(),
            rise,
            expected,
            "%s of feature '%s' (%s)".formatted(number(rise), worst, of));
  }

  private Gate finite(Catalogue catalogue) {
    int found = catalogue.notFinite();
    return gate(
        "finite",
        found == 0,
        (double) found,
        "finite vectors",
        found == 0
            ? "finite ones"
            : "%d others, put in as zeros, first of items %s"
                .formatted(found, String.join(", ", catalogue.firstNotFinite())));
  }

  private Gate dimensions(VectorHealth before, VectorHealth after) {
    if (before.dimensions() == 0) {
      return notMeasured("dimensions", "effective dimensions", "none before");
    }
    return atLeast(
        "dimensions",
        after.dimensions() / before.dimensions(),
        limits.minDimensions(),
        "of the effective dimensions before",
        "%.1f, were %.1f".formatted(after.dimensions(), before.dimensions()));
  }

  /** The written index must be of the written towers, to the hash and to the vector. */
  private Gate modelMatch(Catalogue catalogue, boolean sameModel) {
    String expected =
        sameModel
            ? "the towers of the version before, and their vectors in the index"
            : "vectors of the new towers in the index";
    if (sameModel && !draft.version().modelHash().equals(live.version().modelHash())) {
      return gate("model_match", false, 1.0, expected, "other towers or encoders");
    }
    VectorIndex index = draft.index();
    ExportedTower tower = draft.openItemTower();
    ExportedTower.Scratch scratch = tower.scratch();
    float[] own = new float[tower.dim()];
    float[] stored = new float[tower.dim()];
    double worst = 0;
    for (int i = 0; i < catalogue.checkedRows().size(); i++) {
      tower.embed(catalogue.checked(), i, scratch, own);
      index.vector(catalogue.checkedRows().get(i), stored);
      worst = Math.max(worst, difference(own, stored));
    }
    return gate(
        "model_match",
        worst <= (index.keepsVectors() ? ROUNDING : CODED),
        worst,
        expected,
        "a relative difference of %s over %d items"
            .formatted(number(worst), catalogue.checkedRows().size()));
  }

  /** Of directions where the index keeps those alone; 0 for what is not finite. */
  private double difference(float[] own, float[] stored) {
    double ownLength = length(own);
    double storedLength = length(stored);
    if (!Double.isFinite(ownLength)) {
      return 0;
    }
    boolean scaled =
        draft.version().indexReport().metric() == io.tandem.config.IndexConfig.Metric.COSINE;
    double factor = scaled && ownLength > 0 ? storedLength / ownLength : 1;
    double squares = 0;
    for (int i = 0; i < own.length; i++) {
      double d = own[i] * factor - stored[i];
      squares += d * d;
    }
    return storedLength == 0 ? Math.sqrt(squares) : Math.sqrt(squares) / storedLength;
  }

  private static double length(float[] vector) {
    double squares = 0;
    for (float value : vector) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares);
  }

  private Gate quality(Probes.@Nullable Quality quality) {
    String expected =
        "at most %s of recall lost, beyond the error of measurement"
            .formatted(number(limits.maxQualityDrop()));
    if (quality == null) {
      return notMeasured("quality", expected, "no held-out interactions");
    }
    double drop = quality.before() == 0 ? 0 : 1 - quality.after() / quality.before();
    boolean lost =
        drop > limits.maxQualityDrop()
            && quality.difference().high() < -limits.maxQualityDrop() * quality.before();
    return gate(
        "quality",
        !lost,
        drop,
        expected,
        "%s: recall@%d %.4f, was %.4f, over %d queries (difference %s)"
            .formatted(
                number(drop),
                quality.k(),
                quality.after(),
                quality.before(),
                quality.queries(),
                quality.difference()));
  }

  private Gate overlap(Probes probes) {
    if (probes.overlaps().length == 0) {
      return notMeasured("overlap", "overlap of the top", "no probe queries");
    }
    return atLeast(
        "overlap",
        Arrays.stream(probes.overlaps()).average().orElse(0),
        limits.minOverlap(),
        "of the top stays, over %d probe queries".formatted(probes.overlaps().length),
        "");
  }

  private Gate latency(Probes probes) {
    if (probes.millisAfter().length == 0) {
      return notMeasured("latency", "times of probe queries", "no probe queries");
    }
    return atMost(
        "latency",
        Probes.quantile(probes.millisAfter(), P99),
        limits.maxP99Millis(),
        "ms, p99 of a query",
        "was %s".formatted(number(Probes.quantile(probes.millisBefore(), P99))));
  }

  private static Gate atMost(String name, double value, double limit, String of, String remark) {
    return gate(
        name,
        value <= limit,
        value,
        "at most %s %s".formatted(number(limit), of),
        found(value, remark));
  }

  private static Gate atLeast(String name, double value, double limit, String of, String remark) {
    return gate(
        name,
        value >= limit,
        value,
        "at least %s %s".formatted(number(limit), of),
        found(value, remark));
  }

  private static String found(double value, String remark) {
    return number(value) + (remark.isEmpty() ? "" : " (" + remark + ")");
  }

  private static Gate gate(
      String name, boolean passed, double value, String expected, String found) {
    return new Manifest.Gate(
        name, passed ? Verdict.PASSED : Verdict.REFUSED, value, expected, found, null);
  }

  private static Gate notMeasured(String name, String expected, String found) {
    return new Manifest.Gate(name, Verdict.NOT_MEASURED, null, expected, found, null);
  }

  private static String shares(double before, double after) {
    return "%s, was %s".formatted(number(after), number(before));
  }

  private static String number(double value) {
    String text = String.format(Locale.ROOT, "%.4f", value);
    return text.replaceAll("0+$", "").replaceAll("\\.$", "");
  }
}
