package io.tandem.retrieval;

import io.tandem.index.RowSet;
import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import java.util.Arrays;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Searches again, exactly, for a random part of live queries, on one thread of its own, and reports
 * what share of the exact best rows the index had found. Where queries come faster than exact
 * search answers, samples are dropped.
 */
final class ShadowSearch implements AutoCloseable {
  private static final int WAITING = 16;

  private final double fraction;
  private final RetrieverListener listener;
  private final BlockingQueue<Sample> samples = new ArrayBlockingQueue<>(WAITING);
  private final Thread thread;

  /**
   * @param fraction of queries that are searched again
   */
  ShadowSearch(double fraction, RetrieverListener listener) {
    this.fraction = fraction;
    this.listener = listener;
    thread = new Thread(this::run, "tandem-shadow");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * @param snapshot in use by the sample, which releases it
   * @param found rows of the index
   */
  private record Sample(
      Snapshot snapshot,
      float[] vector,
      int k,
      @Nullable RowSet allowed,
      int[] excluded,
      int[] found) {

    boolean isAllowed(int row) {
      return (allowed == null || allowed.contains(row)) && Arrays.binarySearch(excluded, row) < 0;
    }
  }

  /** Takes a sample of what was just found, or not. */
  void offer(Snapshot snapshot, int k, @Nullable RowSet allowed, Scratch scratch) {
    if (ThreadLocalRandom.current().nextDouble() >= fraction
        || samples.remainingCapacity() == 0
        || !snapshot.acquire()) {
      return;
    }
    int[] found = new int[scratch.hits.size()];
    for (int rank = 0; rank < found.length; rank++) {
      found[rank] = scratch.hits.row(rank);
    }
    int[] excluded = Arrays.copyOf(scratch.excluded(), scratch.excludedCount());
    Sample sample = new Sample(snapshot, scratch.vector.clone(), k, allowed, excluded, found);
    if (!samples.offer(sample)) {
      snapshot.release();
    }
  }

  @Override
  public void close() {
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (Sample left = samples.poll(); left != null; left = samples.poll()) {
      left.snapshot.release();
    }
  }

  private void run() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        Sample sample = samples.take();
        try {
          double recall = recall(sample);
          if (!Double.isNaN(recall)) {
            listener.recallSampled(recall);
          }
        } finally {
          sample.snapshot.release();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** NaN where there was nothing to find, or the retriever is being closed. */
  private static double recall(Sample sample) {
    VectorIndex index = sample.snapshot.version().index();
    float[] vector = new float[index.dimension()];
    float[] scores = new float[index.size()];
    TopK best = new TopK();
    int limit = Math.min(sample.k, index.size());
    best.reset(limit);
    for (int row = 0; row < index.size(); row++) {
      if (Thread.currentThread().isInterrupted()) {
        return Double.NaN;
      }
      if (sample.isAllowed(row)) {
        index.vector(row, vector);
        scores[row] = dot(sample.vector, vector);
        best.offer(row, scores[row], limit);
      }
    }
    if (best.size() == 0) {
      return Double.NaN;
    }
    best.sort();
    // Of several rows as good as the last, any may have been found.
    float last = best.score(best.size() - 1);
    int good = 0;
    for (int row : sample.found) {
      good += scores[row] >= last - 1e-5f * Math.abs(last) ? 1 : 0;
    }
    return Math.min(1, good / (double) best.size());
  }

  private static float dot(float[] a, float[] b) {
    float sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
