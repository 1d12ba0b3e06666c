package io.tandem.spark;

import io.tandem.artifact.OpenTowers;
import io.tandem.retrieval.Retriever;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.function.Function;
import org.apache.spark.TaskContext;
import org.apache.spark.util.TaskCompletionListener;

/**
 * What tasks of one executor share: each version's towers and retriever are opened by the first
 * task that needs them. An executor keeps what it opened last; another version's makes it close
 * those that no task uses, and the end of the process closes the rest.
 */
final class ExecutorModels {
  private static final ExecutorModels HERE = new ExecutorModels();

  /** By kind and version. */
  private final Map<String, Shared> open = new HashMap<>();

  private int opened;

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(HERE::closeUnused, "tandem-close"));
  }

  private ExecutorModels() {}

  /** Something open, and the number of tasks that use it. */
  private static final class Shared {
    private final AutoCloseable value;
    private int users;

    Shared(AutoCloseable value) {
      this.value = value;
    }
  }

  /** The towers of a version, open until the calling task ends. */
  static OpenTowers towers(VersionFiles files) {
    return HERE.use("towers " + files.id(), key -> new Towers(OpenTowers.open(files.version())))
        .towers();
  }

  /** A retriever over a version, open until the calling task ends. */
  static Retriever retriever(VersionFiles files) {
    return HERE.use("retriever " + files.id(), key -> Retriever.open(files.store()));
  }

  /** How often anything was opened in this process. */
  static int opened() {
    synchronized (HERE) {
      return HERE.opened;
    }
  }

  /** Towers are mapped files and weights on the heap: there is nothing to free. */
  private record Towers(OpenTowers towers) implements AutoCloseable {
    @Override
    public void close() {}
  }

  @SuppressWarnings("unchecked") // a key is of one kind, and a kind of one type
  private synchronized <T extends AutoCloseable> T use(String key, Function<String, T> opening) {
    Shared shared = open.get(key);
    if (shared == null) {
      closeUnused();
      shared = new Shared(opening.apply(key));
      open.put(key, shared);
      opened++;
    }
    TaskContext task = TaskContext.get();
    if (task == null) {
      throw new IllegalStateException("models of executors are for tasks");
    }
    shared.users++;
    Shared used = shared;
    TaskCompletionListener release = ended -> release(used);
    task.addTaskCompletionListener(release);
    return (T) shared.value;
  }

  private synchronized void release(Shared shared) {
    shared.users--;
  }

  /** Native memory must not go while a task searches it. */
  private synchronized void closeUnused() {
    for (Iterator<Shared> each = open.values().iterator(); each.hasNext(); ) {
      Shared shared = each.next();
      if (shared.users == 0) {
        each.remove();
        try {
          shared.value.close();
        } catch (Exception e) {
          throw new IllegalStateException("cannot close what an executor had opened", e);
        }
      }
    }
  }
}
