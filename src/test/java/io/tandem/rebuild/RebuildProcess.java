package io.tandem.rebuild;

import io.tandem.artifact.Store;
import java.nio.file.Path;

/**
 * Rebuilds stores, each on a thread of its own, again and again, in a process to be killed: one
 * start and one kill are the death of several jobs, each somewhere else in its work.
 */
final class RebuildProcess {
  private RebuildProcess() {}

  public static void main(String[] stores) {
    for (String store : stores) {
      new Thread(() -> work(Path.of(store)), store).start();
    }
  }

  private static void work(Path store) {
    try {
      while (true) {
        System.out.println("begun");
        RebuildResult result = Catalogues.rebuild(Store.open(store)).run();
        System.out.println(result.outcome());
        if (result.outcome() != RebuildResult.Outcome.PUBLISHED) {
          throw new IllegalStateException(result.refused().toString());
        }
      }
    } catch (Throwable e) {
      e.printStackTrace(System.out);
      System.out.flush();
      Runtime.getRuntime().halt(1);
    }
  }
}
