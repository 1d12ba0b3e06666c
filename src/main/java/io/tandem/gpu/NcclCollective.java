package io.tandem.gpu;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** GPUs of one host by NCCL, in the stream of each. */
public final class NcclCollective implements Collective {
  private final List<CudaDevice> devices;
  private final long[] communicators;
  private final AtomicBoolean ended = new AtomicBoolean();

  private NcclCollective(List<CudaDevice> devices, long[] communicators) {
    this.devices = devices;
    this.communicators = communicators;
  }

  /**
   * Joins GPUs, each once.
   *
   * @throws CudaException if NCCL is missing or cannot join them
   */
  static NcclCollective of(List<CudaDevice> devices) {
    Nccl.load();
    int[] numbers = devices.stream().mapToInt(device -> device.context().device()).toArray();
    long[] communicators = new long[numbers.length];
    Nccl.check(
        Nccl.ncclCommInitAll(communicators, numbers.length, numbers),
        "joining %d GPUs (ncclCommInitAll)".formatted(numbers.length));
    return new NcclCollective(devices, communicators);
  }

  /** Why GPUs cannot be joined, or null; loads NCCL. */
  public static @Nullable String missing() {
    try {
      Nccl.load();
      return null;
    } catch (CudaException e) {
      return e.getMessage();
    }
  }

  /** Of the library, such as 2.27.3, which must be there. */
  public static String version() {
    Nccl.load();
    int[] code = new int[1];
    Nccl.check(Nccl.ncclGetVersion(code), "ncclGetVersion");
    return "%d.%d.%d".formatted(code[0] / 10000, code[0] / 100 % 100, code[0] % 100);
  }

  @Override
  public int size() {
    return communicators.length;
  }

  @Override
  public void allGather(int rank, Floats buffer, long part) {
    Check.length("buffer", buffer, size() * part);
    long all = begin(rank, buffer);
    Nccl.check(
        Nccl.ncclAllGather(
            all + rank * part * Float.BYTES,
            all,
            part,
            Nccl.FLOAT32,
            communicators[rank],
            stream(rank)),
        "ncclAllGather");
  }

  @Override
  public void reduceScatter(int rank, Floats buffer, long part) {
    Check.length("buffer", buffer, size() * part);
    long all = begin(rank, buffer);
    Nccl.check(
        Nccl.ncclReduceScatter(
            all,
            all + rank * part * Float.BYTES,
            part,
            Nccl.FLOAT32,
            Nccl.SUM,
            communicators[rank],
            stream(rank)),
        "ncclReduceScatter");
  }

  @Override
  public void allReduce(int rank, Floats buffer, long length) {
    Check.length("buffer", buffer, length);
    long all = begin(rank, buffer);
    Nccl.check(
        Nccl.ncclAllReduce(
            all, all, length, Nccl.FLOAT32, Nccl.SUM, communicators[rank], stream(rank)),
        "ncclAllReduce");
  }

  private long begin(int rank, Floats buffer) {
    if (ended.get()) {
      throw new CollectiveException("another rank failed", null);
    }
    devices.get(rank).context().bind();
    return CudaFloats.addressOf(buffer);
  }

  private long stream(int rank) {
    return devices.get(rank).context().stream();
  }

  /** Kernels that wait for a rank end; their streams then report an error or nothing certain. */
  @Override
  public void abort() {
    if (!ended.getAndSet(true)) {
      for (long communicator : communicators) {
        Nccl.check(Nccl.ncclCommAbort(communicator), "ncclCommAbort");
      }
    }
  }

  @Override
  public void close() {
    if (!ended.getAndSet(true)) {
      for (long communicator : communicators) {
        Nccl.check(Nccl.ncclCommDestroy(communicator), "ncclCommDestroy");
      }
    }
  }
}
