package io.tandem.faiss;

import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A process of its own, for {@link SharedProcessTest}: does real work in the libraries named by its
 * arguments, in that order, and prints which native libraries it ended up with.
 */
final class SharedProcess {
  private SharedProcess() {}

  public static void main(String[] libraries) throws IOException {
    for (String library : libraries) {
      switch (library) {
        case "faiss" -> searchWithFaiss();
        case "nd4j" -> multiplyWithNd4j();
        default -> throw new IllegalArgumentException(library);
      }
    }
    System.out.println("limit " + Pointer.maxPhysicalBytes());
    mappedLibraries().forEach(file -> System.out.println("mapped " + file));
    System.out.println("done");
  }

  private static void searchWithFaiss() {
    Vectors vectors = Vectors.clustered(2000, 32, 20, 1);
    // PCA asks LAPACK, the batch of queries BLAS.
    try (Index index = Faiss.create(32, "PCA32,IVF16,Flat", Metric.INNER_PRODUCT)) {
      Faiss.run(() -> index.train(2000, vectors.values()));
      Faiss.run(() -> index.add(2000, vectors.values()));
      float[] scores = new float[100 * 5];
      long[] rows = new long[100 * 5];
      Faiss.run(() -> faiss.search(index, 100, vectors.values(), 5, 16, null, scores, rows));
      int first = 0;
      for (int query = 0; query < 100; query++) {
        first += rows[query * 5] == vectors.nearest(query, 1)[0] ? 1 : 0;
      }
      System.out.println("faiss " + first);
    }
  }

  private static void multiplyWithNd4j() {
    INDArray ones = Nd4j.ones(DataType.FLOAT, 300, 300);
    double sum = 0;
    for (int i = 0; i < 50; i++) {
      sum = ones.mmul(ones).sumNumber().doubleValue();
    }
    System.out.println("nd4j " + (long) sum);
  }

  private static List<String> mappedLibraries() throws IOException {
    try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
      return maps.filter(line -> line.contains(".so"))
          .map(line -> line.substring(line.indexOf('/')))
          .distinct()
          .toList();
    }
  }
}
