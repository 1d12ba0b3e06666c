package io.tandem.cli;

import io.tandem.config.SpecException;
import io.tandem.data.DataException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import picocli.CommandLine;

/** Turns an exception into one clear message and an exit status. */
final class Failure {
  static final int FAILED = 1;
  static final int WRONG_INPUT = 2;

  private Failure() {}

  static int report(Throwable failure, boolean stackTrace, CommandLine command) {
    PrintWriter err = command.getErr();
    err.println("tandem: " + message(failure));
    if (stackTrace) {
      failure.printStackTrace(err);
    }
    err.flush();
    return failure instanceof SpecException
            || failure instanceof DataException
            || failure instanceof IllegalArgumentException
        ? WRONG_INPUT
        : FAILED;
  }

  private static String message(Throwable failure) {
    if (failure instanceof OutOfMemoryError) {
      return "out of memory ("
          + failure.getMessage()
          + "); give the JVM more with"
          + " TANDEM_JAVA_OPTS=-Xmx...";
    }
    String message = failure.getMessage();
    boolean explains =
        !(failure instanceof NullPointerException
            || failure instanceof IndexOutOfBoundsException
            || failure instanceof UncheckedIOException);
    return message != null && explains ? message : failure.toString();
  }
}
