package io.tandem.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a command writes its results: as text, and on demand as JSON. */
final class JsonOutput extends Output {
  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Also write the result as JSON; - for standard output.")
  @Nullable String file;

  /** Writes a result for machines, where that is asked for. */
  void json(Object result) {
    Json.write(file, result, text());
  }
}
