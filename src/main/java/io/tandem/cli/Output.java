package io.tandem.cli;

import java.io.PrintWriter;
import java.nio.charset.Charset;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where a command writes its results. A mixin without options must be marked as a command. */
@Command
class Output {
  @Spec(Spec.Target.MIXEE)
  @Nullable CommandSpec command;

  /** For people; to be flushed. */
  PrintWriter text() {
    return command == null
        ? new PrintWriter(System.out, true, Charset.defaultCharset())
        : command.commandLine().getOut();
  }

  /** What a wrong call is answered with. */
  RuntimeException wrongCall(String message) {
    return command == null
        ? new IllegalArgumentException(message)
        : new ParameterException(command.commandLine(), message);
  }
}
