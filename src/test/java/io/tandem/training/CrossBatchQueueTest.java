package io.tandem.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class CrossBatchQueueTest {
  @Test
  void theNewestEmbeddingsTakeTheOldestsPlaces() {
    CrossBatchQueue queue = new CrossBatchQueue(3, 2);
    queue.add(new int[] {1, 2}, new float[] {1, 5}, matrix(1, 2));
    queue.add(new int[] {3, 4}, new float[] {1, 2}, matrix(3, 4));

    INDArray both = queue.below(matrix(9));

    assertThat(queue.size()).isEqualTo(3);
    assertThat(new int[] {queue.item(0), queue.item(1), queue.item(2)}).containsExactly(4, 2, 3);
    assertThat(new float[] {queue.count(0), queue.count(1), queue.count(2)})
        .containsExactly(2, 5, 1);
    assertThat(both.dup('c').data().asFloat()).containsExactly(9, 9, 4, 4, 2, 2, 3, 3);
  }

  @Test
  void itContinuesFromWhatWasWritten() throws IOException {
    CrossBatchQueue queue = new CrossBatchQueue(3, 2);
    queue.add(new int[] {1, 2}, new float[] {1, 5}, matrix(1, 2));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    queue.write(new DataOutputStream(bytes));
    CrossBatchQueue restored = new CrossBatchQueue(3, 2);
    restored.read(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
    queue.add(new int[] {3}, new float[] {1}, matrix(3));
    restored.add(new int[] {3}, new float[] {1}, matrix(3));

    assertThat(restored.count(1)).isEqualTo(5);
    assertThat(restored.below(matrix(9))).isEqualTo(queue.below(matrix(9)));
    assertThatThrownBy(
            () ->
                new CrossBatchQueue(1, 2)
                    .read(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray()))))
        .hasMessageContaining("a queue of 2, expected at most 1");
  }

  /** A row of equal numbers for each value. */
  private static INDArray matrix(float... values) {
    INDArray matrix = Nd4j.create(values.length, 2);
    for (int row = 0; row < values.length; row++) {
      matrix.putScalar(row, 0, values[row]);
      matrix.putScalar(row, 1, values[row]);
    }
    return matrix;
  }
}
