package io.tandem.training;

import io.tandem.gpu.Collective;
import io.tandem.gpu.CollectiveException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** A thread for each device that trains; where there is one device, the caller's. */
final class Ranks implements AutoCloseable {
  private final Collective collective;
  private final @Nullable ExecutorService threads;

  Ranks(Collective collective) {
    this.collective = collective;
    threads =
        collective.size() == 1
            ? null
            : Executors.newFixedThreadPool(
                collective.size(),
                task -> {
                  Thread thread = new Thread(task, "tandem-device");
                  thread.setDaemon(true);
                  return thread;
                });
  }

  private record Done<T>(int rank, T value) {}

  /**
   * Runs work for each rank, and waits for all. When one fails, those that wait for it are woken,
   * and its error is thrown.
   */
  <T> List<T> each(IntFunction<T> work) {
    ExecutorService pool = threads;
    if (pool == null) {
      return List.of(work.apply(0));
    }
    CompletionService<Done<T>> running = new ExecutorCompletionService<>(pool);
    for (int rank = 0; rank < collective.size(); rank++) {
      int own = rank;
      running.submit(() -> new Done<>(own, work.apply(own)));
    }
    List<@Nullable T> results = new ArrayList<>(Collections.nCopies(collective.size(), null));
    RuntimeException failure = null;
    for (int done = 0; done < collective.size(); done++) {
      try {
        Future<Done<T>> next = running.take();
        Done<T> result = next.get();
        results.set(result.rank(), result.value());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        collective.abort();
        throw new TrainingException("interrupted while waiting for a device", e);
      } catch (ExecutionException e) {
        collective.abort();
        failure = worse(failure, e);
      }
    }
    if (failure != null) {
      throw failure;
    }
    return results.stream().map(result -> result).toList();
  }

  /** The first error that is not another's consequence. */
  private static RuntimeException worse(
      @Nullable RuntimeException before, ExecutionException execution) {
    if (before != null && !(before instanceof CollectiveException)) {
      return before;
    }
    return execution.getCause() instanceof RuntimeException cause
        ? cause
        : new TrainingException("a device failed: " + execution.getCause(), execution);
  }

  @Override
  public void close() {
    if (threads != null) {
      threads.shutdownNow();
    }
  }
}
