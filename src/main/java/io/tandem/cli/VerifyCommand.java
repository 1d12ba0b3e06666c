package io.tandem.cli;

import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
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
            + " version opens.")
final class VerifyCommand implements Callable<Integer> {

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
      }
    }
    out.flush();
    return damaged == 0 ? 0 : Failure.FAILED;
  }
}
