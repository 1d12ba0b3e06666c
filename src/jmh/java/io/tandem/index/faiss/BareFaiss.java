package io.tandem.index.faiss;

import com.google.common.base.CharMatcher;
import com.google.common.base.Splitter;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.binding.Index;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;

/**
 * FAISS's own search of an index, timed in C++: {@code jmh/native/bare_faiss.cpp}, compiled here.
 */
final class BareFaiss {
  private BareFaiss() {}

  private static native void search(
      long index, int n, int d, int k, long queries, long nanoseconds, long scores, long labels);

  /** Compiles and loads; needs a build in the repository, g++ and a JDK. */
  static void load() throws IOException, InterruptedException {
    Path root = BenchmarkFolder.ROOT;
    Path faiss = root.resolve("native/target/faiss");
    Path library = Files.createDirectories(BenchmarkFolder.of("native")).resolve("libbarefaiss.so");
    Path java = Path.of(System.getProperty("java.home"), "include");
    List<String> command = new ArrayList<>();
    command.addAll(List.of("g++", "-std=c++11", "-O3", "-DNDEBUG", "-shared", "-fPIC", "-w"));
    String options = Files.readString(faiss.resolve("compiler-options"));
    command.addAll(Splitter.on(CharMatcher.whitespace()).omitEmptyStrings().splitToList(options));
    command.addAll(List.of("-I" + faiss.resolve("include"), "-I" + java, "-I" + java + "/linux"));
    command.addAll(List.of(root.resolve("src/jmh/native/bare_faiss.cpp").toString(), "-o"));
    command.add(library.toString());
    Process compiler = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said =
        new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    if (compiler.waitFor() != 0) {
      throw new IOException("cannot compile: " + said);
    }
    System.load(library.toString());
  }

  /**
   * Searches with the settings that the index has.
   *
   * @param nanoseconds receives the time of each query
   * @param labels receives [n × k]
   */
  static void search(
      Index index,
      int n,
      int k,
      FloatPointer queries,
      LongPointer nanoseconds,
      LongPointer labels) {
    try (FloatPointer scores = new FloatPointer((long) n * k)) {
      Faiss.run(
          () ->
              search(
                  index.address(),
                  n,
                  index.d(),
                  k,
                  queries.address(),
                  nanoseconds.address(),
                  scores.address(),
                  labels.address()));
    }
  }
}
