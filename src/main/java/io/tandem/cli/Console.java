package io.tandem.cli;

import java.io.PrintWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;

/** Where a command writes its results. */
final class Console {
  private Console() {}

  static PrintWriter out(@Nullable CommandSpec command) {
    return command == null
        ? new PrintWriter(System.out, true, java.nio.charset.Charset.defaultCharset())
        : command.commandLine().getOut();
  }
}
