package io.tandem.tower.sequence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.data.DataException;
import io.tandem.tower.sequence.SequenceShape.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class ExportedSequenceTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @EnumSource(Kind.class)
  void everyPrefixGetsWhatTheNetworkGivesAtItsEnd(Kind kind) {
    SequenceNetwork network = Sequences.network(Sequences.shape(kind, 0.3), 5);
    assertServedAsTrained(network);
  }

  @Test
  void aSingleBlockIsServedAsTrained() {
    assertServedAsTrained(
        Sequences.network(new SequenceShape(Kind.TRANSFORMER, 10, 1, 5, 9, 0), 5));
  }

  private void assertServedAsTrained(SequenceNetwork network) {
    int dim = network.shape().dim();
    int length = network.shape().maxLength();
    float[] input = Sequences.normal(length * dim, 6);
    float[] expected = Sequences.forward(network, input, new int[] {length}, Mode.INFERENCE);
    ExportedSequence exported = ExportedSequence.open(export(network), network.shape());
    ExportedSequence.Scratch scratch = exported.scratch();
    float[] found = new float[dim + 2];
    for (int n = length; n >= 1; n--) {
      exported.last(input, n, scratch, found, 1);
      SequenceNetworkTest.assertClose(
          Arrays.copyOfRange(found, 1, dim + 1),
          Arrays.copyOfRange(expected, (n - 1) * dim, n * dim),
          1e-4);
    }
    assertThat(found[0]).isZero();
    assertThat(found[dim + 1]).isZero();
  }

  @Test
  void lengthsOutsideTheShapeAreRefused() {
    SequenceNetwork network = Sequences.network(Sequences.shape(Kind.TRANSFORMER, 0), 5);
    ExportedSequence exported = ExportedSequence.open(export(network), network.shape());
    ExportedSequence.Scratch scratch = exported.scratch();
    for (int n : new int[] {0, 12}) {
      assertThatThrownBy(() -> exported.last(new float[12 * 12], n, scratch, new float[12], 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("expected 1 to 11");
    }
  }

  @Test
  void damagedFilesAreRefused() throws IOException {
    SequenceNetwork network = Sequences.network(Sequences.shape(Kind.TRANSFORMER, 0), 5);
    byte[] whole = Files.readAllBytes(export(network));
    Path damaged = folder.resolve("damaged");
    for (int length : new int[] {0, 7, 27, 100, whole.length - 1}) {
      Files.write(damaged, Arrays.copyOf(whole, length));
      assertRefused(damaged, network.shape(), "expected " + whole.length);
    }
    for (int at : new int[] {0, 9, 15, 28, 500, whole.length - 1}) {
      byte[] changed = whole.clone();
      changed[at] ^= 4;
      Files.write(damaged, changed);
      assertRefused(damaged, network.shape(), "damaged");
    }
    assertRefused(folder.resolve("missing"), network.shape(), "cannot be read");
  }

  @Test
  void filesOfAnotherShapeAreRefused() {
    SequenceNetwork network = Sequences.network(Sequences.shape(Kind.TRANSFORMER, 0), 5);
    Path file = export(network);
    assertRefused(file, new SequenceShape(Kind.TRANSFORMER, 12, 1, 2, 11, 0), "bytes");
    assertRefused(
        file, new SequenceShape(Kind.TRANSFORMER, 12, 2, 3, 11, 0), "heads 2, expected 3");
  }

  private static void assertRefused(Path file, SequenceShape shape, String message) {
    assertThatThrownBy(() -> ExportedSequence.open(file, shape))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(message);
  }

  private Path export(SequenceNetwork network) {
    Path file = folder.resolve("encoder.weights");
    network.export(file);
    return file;
  }
}
