package io.tandem.cli;

import io.tandem.artifact.Manifest;
import io.tandem.artifact.Store;
import io.tandem.report.Table;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "versions",
    mixinStandardHelpOptions = true,
    description = "Lists the versions of a store, oldest first; * marks the current one.")
final class VersionsCommand implements Callable<Integer> {

  @Parameters(paramLabel = "STORE", description = "The store.")
  Path folder = Path.of("");

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Also write the manifests as JSON; - for standard output.")
  @Nullable String json;

  @Spec @Nullable CommandSpec command;

  /** A version as it is listed. */
  record Listed(String id, boolean current, Manifest manifest) {}

  @Override
  public Integer call() {
    PrintWriter out = Console.out(command);
    Store store = Store.open(folder);
    String current = store.currentId().orElse("");
    List<Listed> versions = new ArrayList<>();
    Table table =
        new Table(
            "", "version", "created", "model", "items", "dim", "index", "index recall", "size");
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
          "%.1f MB".formatted(bytes / 1e6));
    }
    out.print(table);
    out.flush();
    Json.write(json, versions, out);
    return 0;
  }
}
