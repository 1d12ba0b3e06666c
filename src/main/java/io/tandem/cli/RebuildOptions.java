package io.tandem.cli;

import io.tandem.rebuild.Rebuild;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options of a rebuild, on whatever machines it runs. */
public final class RebuildOptions {
  @Spec(Spec.Target.MIXEE)
  @Nullable CommandSpec command;

  @Option(
      names = "--items",
      paramLabel = "FILE",
      description = "Read the items from this file, of the same columns, instead.")
  @Nullable Path items;

  @Option(
      names = "--keep",
      paramLabel = "N",
      description = "Versions to keep; by default rebuild.keep of the specification.")
  int keep;

  @Option(
      names = "--force",
      paramLabel = "GATE",
      description = "Publish although this gate refuses; may be repeated. Needs --why.")
  List<String> forced = List.of();

  @Option(
      names = "--why",
      paramLabel = "TEXT",
      description = "Why a gate is overruled; kept in the version's manifest.")
  @Nullable String why;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Replaces a value of the specification; may be repeated.")
  Map<String, String> overrides = new LinkedHashMap<>();

  @Option(
      names = "--metrics",
      paramLabel = "FILE",
      description = "Write figures in Prometheus' text format, for the node exporter's textfiles.")
  @Nullable Path metrics;

  /**
   * Tells a rebuild what was asked for.
   *
   * @throws ParameterException if options do not go together
   */
  public void tell(Rebuild rebuild) {
    overrides.forEach(rebuild::set);
    if (items != null) {
      rebuild.items(items);
    }
    if (keep < 0) {
      throw wrongCall("--keep: expected a number of at least 1, found " + keep);
    }
    if (keep > 0) {
      rebuild.keep(keep);
    }
    if (metrics != null) {
      rebuild.metrics(metrics);
    }
    String reason = why;
    if (forced.isEmpty() != (reason == null || reason.isBlank())) {
      throw wrongCall("--force and --why: expected both or none of them");
    }
    forced.forEach(gate -> rebuild.force(gate, String.valueOf(reason)));
  }

  private ParameterException wrongCall(String message) {
    return new ParameterException(
        Objects.requireNonNull(command, "set by picocli").commandLine(), message);
  }
}
