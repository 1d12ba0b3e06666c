package io.tandem.gpu;

import java.util.List;

/**
 * Sums and exchanges between devices that train one model together. Every rank calls the same
 * methods in the same order, each on a thread of its own; a call may return before its work is
 * done, which then comes in order with what is asked of the rank's device.
 */
public interface Collective extends AutoCloseable {
  /** How many ranks there are; they are numbered from 0. */
  int size();

  /**
   * Gives every rank what each has: afterwards part r of every buffer is rank r's.
   *
   * @param buffer [size × part], of which a rank's own part is filled
   */
  void allGather(int rank, Floats buffer, long part);

  /**
   * Sums over the ranks, of which each gets one part.
   *
   * @param buffer [size × part]; afterwards part {@code rank} holds the sums, the rest nothing
   *     certain
   */
  void reduceScatter(int rank, Floats buffer, long part);

  /** Replaces the first numbers of every buffer by their sums over the ranks, equal on all. */
  void allReduce(int rank, Floats buffer, long length);

  /** A rank failed: those that wait for it fail too, now and later. From any thread. */
  void abort();

  @Override
  void close();

  /** Joins devices: GPUs by NCCL, those in the host's memory there, and one by doing nothing. */
  static Collective of(List<? extends Device> devices) {
    if (devices.size() == 1) {
      return new Alone();
    }
    if (devices.stream().allMatch(ReferenceDevice.class::isInstance)) {
      return new HostCollective(devices.size());
    }
    return NcclCollective.of(devices.stream().map(CudaDevice.class::cast).toList());
  }
}
