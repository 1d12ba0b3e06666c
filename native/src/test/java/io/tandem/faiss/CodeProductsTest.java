package io.tandem.faiss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.SearchCodes;
import io.tandem.faiss.binding.global.faiss;
import java.util.Comparator;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Comparing with codes, and choosing the best: the same by whatever instructions. */
class CodeProductsTest {
  private static final int QUERIES = 40;

  @AfterEach
  void asTheProcessorCan() {
    Faiss.load();
    faiss.set_wide(true);
  }

  /** Dimensions below, at and between the 64 bytes that are multiplied at once. */
  @ParameterizedTest
  @CsvSource({
    "3, 40",
    "16, 40",
    "63, 300",
    "64, 7",
    "64, 256",
    "65, 31",
    "100, 300",
    "128, 17",
    "200, 100",
  })
  void vectorsOf512BitsGiveTheSameNumbers(int dimension, int k) {
    needsWide();
    Vectors items = Vectors.clustered(5000, dimension, 40, 11);
    try (FloatPointer x = items.pointer();
        Index index = Faiss.create(dimension, "IVF37,SQ8", Metric.INNER_PRODUCT)) {
      Faiss.run(() -> index.train(items.count(), x));
      Faiss.run(() -> index.add(items.count(), x));
      try (SearchCodes codes = Faiss.call(() -> faiss.search_codes(index))) {
        Hits wide = search(index, codes, x, k, true);
        Hits narrow = search(index, codes, x, k, false);
        assertThat(wide.rows).isEqualTo(narrow.rows);
        assertThat(wide.scores).isEqualTo(narrow.scores);
        assertThat(wide.scores[0]).as("of an item with itself").isCloseTo(1, within(0.05f));
      }
    }
  }

  /** Greatest numbers of both signs: no sum leaves its 31 bits. */
  @Test
  void extremesDoNotOverflow() {
    int dimension = 512;
    int count = 64;
    float[] values = new float[count * dimension];
    for (int i = 0; i < values.length; i++) {
      int row = i / dimension;
      values[i] = row % 2 == 0 ? 1 : -1;
    }
    try (FloatPointer x = new FloatPointer(values);
        Index index = Faiss.create(dimension, "IVF2,SQ8", Metric.INNER_PRODUCT)) {
      Faiss.run(() -> index.train(count, x));
      Faiss.run(() -> index.add(count, x));
      for (boolean wide : new boolean[] {true, false}) {
        faiss.set_wide(wide);
        float[] scores = new float[count];
        long[] rows = new long[count];
        try (FloatPointer found = new FloatPointer(count);
            LongPointer labels = new LongPointer(count)) {
          Faiss.run(() -> faiss.search(index, 1, x, count, 2, null, found, labels));
          found.get(scores);
          labels.get(rows);
        }
        for (int rank = 0; rank < count; rank++) {
          assertThat(rows[rank] % 2).as("row at rank %d", rank).isEqualTo(rank < count / 2 ? 0 : 1);
          assertThat(scores[rank])
              .as("score at rank %d", rank)
              .isCloseTo((float) (rank < count / 2 ? dimension : -dimension), within(4f));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void ofEqualScoresTheLowerRowComesFirstAndZeroHasNoSign(boolean wide) {
    Faiss.load();
    if (wide) {
      needsWide();
    }
    faiss.set_wide(wide);
    float[] scores = new float[700];
    for (int row = 0; row < scores.length; row++) {
      scores[row] =
          switch (row % 7) {
            case 0 -> 0f;
            case 1 -> -0f;
            case 2 -> 1.5f;
            case 3 -> -1.5f;
            case 4 -> Float.MIN_VALUE;
            case 5 -> -Float.MIN_VALUE;
            default -> row;
          };
    }
    int k = 450;
    long[] rows = new long[k];
    float[] found = new float[k];
    try (Index flat = Faiss.create(1, "Flat", Metric.INNER_PRODUCT);
        FloatPointer x = new FloatPointer(scores);
        FloatPointer one = new FloatPointer(1f);
        FloatPointer distances = new FloatPointer(k);
        LongPointer labels = new LongPointer(k)) {
      Faiss.run(() -> flat.add(scores.length, x));
      Faiss.run(() -> faiss.search_rows(flat, x, one, k, (BytePointer) null, 0, distances, labels));
      distances.get(found);
      labels.get(rows);
    }
    long[] expected =
        LongStream.range(0, scores.length)
            .boxed()
            .sorted(
                Comparator.comparingDouble((Long row) -> -(scores[row.intValue()] + 0f))
                    .thenComparingLong(row -> row))
            .mapToLong(row -> row)
            .limit(k)
            .toArray();
    assertThat(rows).isEqualTo(expected);
    for (int rank = 0; rank < k; rank++) {
      assertThat(found[rank]).isEqualTo(scores[(int) rows[rank]] + 0f);
    }
  }

  private static void needsWide() {
    Faiss.load();
    boolean wide = faiss.set_wide(true);
    if (!wide) {
      System.out.println("skipped: the processor has no products of bytes in vectors of 512 bits");
    }
    Assumptions.assumeTrue(wide);
  }

  private static Hits search(Index index, SearchCodes codes, FloatPointer x, int k, boolean wide) {
    assertThat(faiss.set_wide(wide)).isEqualTo(wide);
    Hits hits = new Hits(new float[QUERIES * k], new long[QUERIES * k]);
    try (FloatPointer scores = new FloatPointer((long) QUERIES * k);
        LongPointer rows = new LongPointer((long) QUERIES * k)) {
      Faiss.run(() -> faiss.search_coded(index, codes, QUERIES, x, k, 5, null, scores, rows));
      scores.get(hits.scores);
      rows.get(hits.rows);
    }
    return hits;
  }

  private record Hits(float[] scores, long[] rows) {}
}
