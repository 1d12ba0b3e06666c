package io.tandem.rebuild;

import io.tandem.artifact.Store;
import java.nio.file.Path;

/** A rebuild in a process of its own, to be killed. */
final class RebuildProcess {
  private RebuildProcess() {}

  public static void main(String[] arguments) {
    RebuildResult result = Catalogues.rebuild(Store.open(Path.of(arguments[0]))).run();
    System.exit(result.outcome() == RebuildResult.Outcome.PUBLISHED ? 0 : 1);
  }
}
