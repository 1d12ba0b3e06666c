package io.tandem.cli;

import io.tandem.artifact.Manifest;
import io.tandem.artifact.Manifest.Verdict;
import io.tandem.artifact.Store;
import io.tandem.report.Table;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "versions",
    mixinStandardHelpOptions = true,
    description = "Lists the versions of a store, oldest first; * marks the current one.")
final class VersionsCommand implements Callable<Integer> {

  @Mixin StoreArgument argument = new StoreArgument();

  @Mixin JsonOutput output = new JsonOutput();

  /** A version as it is listed. */
  record Listed(String id, boolean current, Manifest manifest) {}

  @Override
  public Integer call() {
    PrintWriter out = output.text();
    Store store = argument.open();
    String current = store.currentId().orElse("");
    List<Listed> versions = new ArrayList<>();
    Table table =
        new Table(
            "",
            "version",
            "created",
            "model",
            "items",
            "dim",
            "index",
            "index recall",
            "gates",
            "size");
    for (String id : store.versions()) {
      Manifest manifest = store.version(id).manifest();
      long bytes = manifest.files().values().stream().mapToLong(Manifest.FileInfo::size).sum();
      versions.add(new Listed(id, id.equals(current), manifest));
      table.row(
          id.equals(current) ? "*" : "",
          id,
          manifest.created(),
          manifest.model(),
          manifest.items(),
          manifest.dimension(),
          manifest.index().type(),
          manifest.index().recall(),
          gates(manifest),
          "%.1f MB".formatted(bytes / 1e6));
    }
    out.print(table);
    out.flush();
    output.json(versions);
    return 0;
  }

  /** How many gates a version passed, and which were overruled. */
  private static String gates(Manifest manifest) {
    if (manifest.gates().isEmpty()) {
      return "none";
    }
    long passed =
        manifest.gates().stream().filter(gate -> gate.verdict() == Verdict.PASSED).count();
    String forced =
        manifest.gates().stream()
            .filter(gate -> gate.verdict() == Verdict.FORCED)
            .map(Manifest.Gate::name)
            .collect(Collectors.joining(", "));
    return passed + " passed" + (forced.isEmpty() ? "" : ", forced: " + forced);
  }
}
