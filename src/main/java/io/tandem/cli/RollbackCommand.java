package io.tandem.cli;

import io.tandem.artifact.Store;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
    name = "rollback",
    mixinStandardHelpOptions = true,
    description = "Makes an earlier version current: the one before, or the one named.")
final class RollbackCommand implements Callable<Integer> {

  @Mixin StoreArgument argument = new StoreArgument();

  @Parameters(index = "1", arity = "0..1", paramLabel = "VERSION", description = "Its id.")
  @Nullable String version;

  @Mixin Output output = new Output();

  @Override
  public Integer call() {
    PrintWriter out = output.text();
    Store store = argument.open();
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
