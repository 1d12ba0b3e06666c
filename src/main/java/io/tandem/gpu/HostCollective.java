package io.tandem.gpu;

import java.util.concurrent.atomic.AtomicReferenceArray;

/** Ranks whose memory is the host's: what NCCL does, as plainly as it can be said. */
final class HostCollective implements Collective {
  private final int size;
  private final AtomicReferenceArray<HostFloats> buffers;
  private int arrived;
  private long meeting;
  private boolean aborted;

  HostCollective(int size) {
    this.size = size;
    buffers = new AtomicReferenceArray<>(size);
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void allGather(int rank, Floats buffer, long part) {
    Check.length("buffer", buffer, size * part);
    HostFloats own = show(rank, buffer);
    int n = Math.toIntExact(part);
    for (int other = 0; other < size; other++) {
      HostFloats from = buffers.get(other);
      if (other != rank) {
        System.arraycopy(
            from.array(), from.from() + other * n, own.array(), own.from() + other * n, n);
      }
    }
    meet();
  }

  @Override
  public void reduceScatter(int rank, Floats buffer, long part) {
    Check.length("buffer", buffer, size * part);
    sum(rank, buffer, Math.toIntExact(rank * part), Math.toIntExact(part));
  }

  @Override
  public void allReduce(int rank, Floats buffer, long length) {
    Check.length("buffer", buffer, length);
    sum(rank, buffer, 0, Math.toIntExact(length));
  }

  private void sum(int rank, Floats buffer, int from, int count) {
    HostFloats own = show(rank, buffer);
    double[] sums = new double[count];
    for (int other = 0; other < size; other++) {
      HostFloats theirs = buffers.get(other);
      for (int i = 0; i < count; i++) {
        sums[i] += theirs.get(from + i);
      }
    }
    meet();
    for (int i = 0; i < count; i++) {
      own.set(from + i, sums[i]);
    }
  }

  private HostFloats show(int rank, Floats buffer) {
    HostFloats own = HostFloats.of(buffer);
    buffers.set(rank, own);
    meet();
    return own;
  }

  /** Waits until every rank is here. */
  private synchronized void meet() {
    long own = meeting;
    if (!aborted && ++arrived == size) {
      arrived = 0;
      meeting++;
      notifyAll();
    }
    try {
      while (meeting == own && !aborted) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CollectiveException("interrupted while waiting for another rank", e);
    }
    if (meeting == own) {
      throw new CollectiveException("another rank failed", null);
    }
  }

  @Override
  public synchronized void abort() {
    aborted = true;
    notifyAll();
  }

  @Override
  public void close() {}
}
