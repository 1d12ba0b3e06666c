package io.tandem.cli;

import io.tandem.artifact.Manifest;
import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
import io.tandem.evaluation.IndexRecall;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    description =
        "Checks every file of every version of a store against its checksum, and that the current"
            + " version opens, holds what it says, and finds what its manifest promises.")
final class VerifyCommand implements Callable<Integer> {
  private static final int SAMPLE = 50;
  private static final int K = 10;

  /** Items are other queries than those that recall was measured with. */
  private static final double TOLERATED = 0.2;

  @Mixin StoreArgument argument = new StoreArgument();

  @Mixin Output output = new Output();

  @Override
  public Integer call() {
    PrintWriter out = output.text();
    Store store = argument.open();
    int damaged = 0;
    for (String id : store.versions()) {
      List<String> problems = store.verify(id);
      damaged += problems.isEmpty() ? 0 : 1;
      out.println(id + ": " + (problems.isEmpty() ? "intact" : problems.size() + " problems"));
      problems.forEach(problem -> out.println("  " + problem));
    }
    if (damaged == 0 && store.currentId().isPresent()) {
      try (OpenVersion open = store.current().open()) {
        out.printf("%s is current and opens: %d items%n", open.version().id(), open.items().size());
        damaged += recall(open, out);
      }
    }
    out.flush();
    return damaged == 0 ? 0 : Failure.FAILED;
  }

  /** Items as queries: an index that lost vectors, or mixed them up, finds few of them. */
  private static int recall(OpenVersion open, PrintWriter out) {
    double recall = IndexRecall.of(open.index(), SAMPLE, K);
    Manifest.IndexInfo promised = open.version().manifest().index();
    boolean tooFew = recall < promised.recall() - TOLERATED;
    out.printf(
        "%s finds %.4f of the exact top %d of %d sampled items; %.4f of the top %d was measured when"
            + " it was built%s%n",
        promised.type(),
        recall,
        Math.min(K, open.items().size()),
        Math.min(SAMPLE, open.items().size()),
        promised.recall(),
        promised.recallAt(),
        tooFew ? ": too few" : "");
    return tooFew ? 1 : 0;
  }
}
