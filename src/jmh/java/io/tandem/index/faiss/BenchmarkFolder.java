package io.tandem.index.faiss;

import java.nio.file.Path;

/** Where benchmarks keep between runs what takes minutes to make; safe to remove. */
public final class BenchmarkFolder {
  /** The repository's root; {@code scripts/bench.sh} sets it. */
  static final Path ROOT = Path.of(System.getProperty("tandem.root", ".")).toAbsolutePath();

  private BenchmarkFolder() {}

  public static Path of(String name) {
    return ROOT.resolve(".tandem").resolve("bench").resolve(name);
  }
}
