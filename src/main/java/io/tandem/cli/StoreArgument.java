package io.tandem.cli;

import io.tandem.artifact.Store;
import java.nio.file.Path;
import picocli.CommandLine.Parameters;

/** The store that a command works on: its first argument. */
final class StoreArgument {
  @Parameters(index = "0", paramLabel = "STORE", description = "The store.")
  Path folder = Path.of("");

  Store open() {
    return Store.open(folder);
  }
}
