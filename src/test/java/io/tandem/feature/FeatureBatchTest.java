package io.tandem.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.FeatureSpec.Pooling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class FeatureBatchTest {
  /** Slots that always have one value, one to three, none to two, and mostly one. */
  private static final int SLOTS = 4;

  private static final InputSchema SCHEMA = schema(3);

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 5, 1024, 2047, 2048, 5000})
  void manyRowsAtOnceAreAsOneAfterTheOther(int count) {
    FeatureBatch source = random(SCHEMA, 700, 1);
    int[] rows = new SplittableRandom(2).ints(count + 3, 0, 700).toArray();
    for (int before : new int[] {0, 40}) {
      FeatureBatch oneByOne = random(SCHEMA, before, 3);
      FeatureBatch atOnce = random(SCHEMA, before, 3);

      for (int i = 0; i < count; i++) {
        oneByOne.append(source, rows[i]);
      }
      atOnce.append(source, rows, count);
      appendRandom(oneByOne, 5, 4);
      appendRandom(atOnce, 5, 4);

      assertSame(atOnce, oneByOne);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 1500})
  void wholeBatchesAreAppendedInTheirOrder(int rows) {
    FeatureBatch oneByOne = new FeatureBatch(SCHEMA);
    List<FeatureBatch> parts = new ArrayList<>();
    for (int part = 0; part < 4; part++) {
      parts.add(random(SCHEMA, part == 2 ? 0 : rows + part, part));
      oneByOne.append(
          parts.get(part),
          IntStream.range(0, parts.get(part).rows()).toArray(),
          parts.get(part).rows());
    }
    FeatureBatch atOnce = new FeatureBatch(SCHEMA);

    atOnce.append(parts);

    assertSame(atOnce, oneByOne);
  }

  @Test
  void whatRowsShareStaysSharedInWholeBatches() {
    FeatureBatch shared = new FeatureBatch(schema(0));
    for (int slot = 0; slot < SLOTS; slot++) {
      shared.add(slot, 7);
      shared.add(slot, 8);
    }
    for (int row = 0; row < 3; row++) {
      for (int slot = 0; slot < SLOTS; slot++) {
        shared.endSlot(slot, 0, row);
      }
      shared.endRow();
    }
    shared.endSharing();
    FeatureBatch target = random(schema(0), 1, 5);
    int before = target.count(0);

    target.append(List.of(shared, shared));

    assertThat(target.count(0)).isEqualTo(before + 4);
    assertThat(target.start(0, 5)).isEqualTo(before + 2);
    assertThat(target.end(0, 5)).isEqualTo(before + 3);
    assertThat(ids(target, 0, 6)).containsExactly(7, 8);
  }

  @Test
  void aClearedBatchIsAsANewOne() {
    FeatureBatch used = random(SCHEMA, 300, 1);
    used.clear();
    appendRandom(used, 200, 2);

    assertSame(used, random(SCHEMA, 200, 2));
  }

  @Test
  void rowsWithoutTheirDenseNumbersAreRefused() {
    FeatureBatch batch = new FeatureBatch(new InputSchema(List.of(), 3));
    batch.addDense(1);

    assertThatThrownBy(batch::endRow)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("rows 0 until 1 have 1 dense numbers, expected 3 each");
  }

  private static InputSchema schema(int denseWidth) {
    InputSchema.TableShape table = new InputSchema.TableShape("t", 1000, 4);
    return new InputSchema(
        IntStream.range(0, SLOTS)
            .mapToObj(slot -> new InputSchema.Slot("s" + slot, table, Pooling.MEAN))
            .toList(),
        denseWidth);
  }

  private static FeatureBatch random(InputSchema schema, int rows, long seed) {
    FeatureBatch batch = new FeatureBatch(schema);
    appendRandom(batch, rows, seed);
    return batch;
  }

  private static void appendRandom(FeatureBatch batch, int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int row = 0; row < rows; row++) {
      int[] counts = {1, 1 + random.nextInt(3), random.nextInt(3), random.nextInt(50) == 0 ? 2 : 1};
      for (int slot = 0; slot < SLOTS; slot++) {
        for (int i = 0; i < counts[slot]; i++) {
          batch.add(slot, random.nextInt(1000));
        }
        batch.endSlot(slot);
      }
      for (int i = 0; i < batch.schema().denseWidth(); i++) {
        batch.addDense((float) random.nextDouble());
      }
      batch.endRow();
    }
  }

  private static void assertSame(FeatureBatch actual, FeatureBatch expected) {
    assertThat(actual.rows()).isEqualTo(expected.rows());
    for (int slot = 0; slot < SLOTS; slot++) {
      assertThat(actual.count(slot)).isEqualTo(expected.count(slot));
      for (int row = 0; row < expected.rows(); row++) {
        assertThat(actual.start(slot, row)).isEqualTo(expected.start(slot, row));
        assertThat(ids(actual, slot, row)).isEqualTo(ids(expected, slot, row));
      }
    }
    int numbers = expected.rows() * expected.schema().denseWidth();
    assertThat(Arrays.copyOf(actual.dense(), numbers))
        .isEqualTo(Arrays.copyOf(expected.dense(), numbers));
  }

  private static int[] ids(FeatureBatch batch, int slot, int row) {
    return Arrays.copyOfRange(batch.ids(slot), batch.start(slot, row), batch.end(slot, row));
  }
}
