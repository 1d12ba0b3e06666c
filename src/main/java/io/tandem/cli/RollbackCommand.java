package io.tandem.cli;

import io.tandem.artifact.Store;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "rollback",
    mixinStandardHelpOptions = true,
    description = "Makes an earlier version current: the one before, or the one named.")
final class RollbackCommand implements Callable<Integer> {

  @Parameters(index = "0", paramLabel = "STORE", description = "The store.")
  Path folder = Path.of("");

  @Parameters(index = "1", arity = "0..1", paramLabel = "VERSION", description = "Its id.")
  @Nullable String version;

  @Spec @Nullable CommandSpec command;

  @Override
  public Integer call() {
    PrintWriter out = Console.out(command);
    Store store = Store.open(folder);
    if (version == null) {
      store.rollback();
    } else {
      store.publish(version);
    }
    out.println(store.current().id() + " is current");
    out.flush();
    return 0;
  }
}
