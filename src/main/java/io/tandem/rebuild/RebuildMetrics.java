package io.tandem.rebuild;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.tandem.artifact.Disk;
import io.tandem.artifact.Manifest.Gate;
import io.tandem.artifact.Manifest.Rebuilt;
import io.tandem.artifact.Manifest.Verdict;
import io.tandem.artifact.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Locale;

/**
 * A rebuild as a file that Prometheus' node exporter collects:
 *
 * <pre>
 * tandem_rebuild_last_run_seconds        when it began, seconds since 1970
 * tandem_rebuild_success                 1 if it published, else 0
 * tandem_rebuild_outcome{outcome}        1 for what it came to: published, refused, failed
 * tandem_rebuild_duration_seconds
 * tandem_rebuild_step_seconds{step}
 * tandem_rebuild_items{kind}             added, changed, removed, unchanged, embedded
 * tandem_rebuild_gate{gate}              what it measured
 * tandem_rebuild_gate_refused{gate}      1 if it refused, forced or not
 * tandem_version_created_seconds         when the current version was made, seconds since 1970
 * </pre>
 */
final class RebuildMetrics {
  private RebuildMetrics() {}

  static void write(RebuildResult result, Store store, Path file) throws IOException {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    try {
      Tags of = Tags.of("store", result.store());
      gauge(registry, "rebuild.last.run.seconds", of, seconds(result.started()));
      gauge(registry, "rebuild.duration.seconds", of, result.seconds());
      gauge(
          registry,
          "rebuild.success",
          of,
          result.outcome() == RebuildResult.Outcome.PUBLISHED ? 1 : 0);
      for (RebuildResult.Outcome outcome : RebuildResult.Outcome.values()) {
        gauge(
            registry,
            "rebuild.outcome",
            of.and("outcome", outcome.name().toLowerCase(Locale.ROOT)),
            outcome == result.outcome() ? 1 : 0);
      }
      for (Step.Done done : result.steps()) {
        gauge(
            registry,
            "rebuild.step.seconds",
            of.and("step", done.step().toString()),
            done.seconds());
      }
      Rebuilt items = result.items();
      if (items != null) {
        gauge(registry, "rebuild.items", of.and("kind", "added"), items.added());
        gauge(registry, "rebuild.items", of.and("kind", "changed"), items.changed());
        gauge(registry, "rebuild.items", of.and("kind", "removed"), items.removed());
        gauge(registry, "rebuild.items", of.and("kind", "unchanged"), items.unchanged());
        gauge(registry, "rebuild.items", of.and("kind", "embedded"), items.embedded());
      }
      for (Gate gate : result.gates()) {
        Tags tags = of.and("gate", gate.name());
        Double value = gate.value();
        if (value != null) {
          gauge(registry, "rebuild.gate", tags, value);
        }
        boolean refused = gate.verdict() == Verdict.REFUSED || gate.verdict() == Verdict.FORCED;
        gauge(registry, "rebuild.gate.refused", tags, refused ? 1 : 0);
      }
      if (store.currentId().isPresent()) {
        gauge(
            registry, "version.created.seconds", of, seconds(store.current().manifest().created()));
      }
      // Not through the store's disk: it is no part of the store.
      Reports.write(Disk.REAL, file, registry.scrape().getBytes(StandardCharsets.UTF_8));
    } finally {
      registry.close();
    }
  }

  private static double seconds(String instant) {
    return Instant.parse(instant).toEpochMilli() / 1e3;
  }

  private static void gauge(
      PrometheusMeterRegistry registry, String name, Tags tags, double value) {
    Gauge.builder("tandem." + name, () -> value).tags(tags).register(registry);
  }
}
