package io.tandem.tower;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.FeatureSpec.Pooling;
import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.Slot;
import io.tandem.feature.InputSchema.TableShape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tables of one width share an arena, and what a batch looks up in it is packed row by row. */
final class GroupEntriesTest {
  private static final int DIM = 4;
  private static final TableShape USER = new TableShape("user", 60, DIM);
  private static final TableShape TAG = new TableShape("tag", 30, DIM);
  private static final TableShape COLOUR = new TableShape("colour", 5, DIM);
  private static final InputSchema SCHEMA =
      new InputSchema(
          List.of(
              new Slot("user", USER, Pooling.SUM),
              new Slot("tags", TAG, Pooling.MEAN),
              new Slot("colour", COLOUR, Pooling.SUM)),
          0);
  private static final FeatureBatch NONE = new FeatureBatch(SCHEMA);

  @Test
  void wholeTablesOfOneWidthShareAnArenaAsFarAsRowsCanBeNumbered() {
    TableShape huge = new TableShape("huge", Integer.MAX_VALUE - 50, DIM);
    TableShape wide = new TableShape("wide", 7, DIM + 1);
    TableShape partly = new TableShape("partly", 100, DIM);
    Map<TableShape, Integer> rows = new LinkedHashMap<>();
    for (TableShape table : List.of(TAG, USER, wide, huge, COLOUR)) {
      rows.put(table, table.rows());
    }
    rows.put(partly, 40);

    List<TableGroup> groups = TableGroup.of(rows);

    assertThat(groups.stream().map(TableGroup::tables).map(List::copyOf))
        .containsExactly(List.of(TAG, USER, COLOUR), List.of(wide), List.of(huge), List.of(partly));
    assertThat(groups.stream().map(TableGroup::isCached))
        .containsExactly(false, false, false, true);
    assertThat(groups.get(0).rows()).isEqualTo(95);
    assertThat(groups.get(0).place(COLOUR)).isEqualTo(new TableGroup.Place(90, 5));
    assertThat(groups.get(3).rows()).isEqualTo(40);
  }

  @ParameterizedTest
  @EnumSource(Combine.class)
  void entriesLieByRowAndSegmentAndPaddedRowsHaveNone(Combine combine) {
    int rows = 2 * 1024 + 300;
    TowerShape shape = shape(combine);
    TableGroup group = group();
    FeatureBatch batch = batch(rows);
    GroupEntries entries = new GroupEntries(group, List.of(shape, shape));
    // Once more, in what the larger batch left.
    for (FeatureBatch each : List.of(batch, batch(1030))) {
      entries.pack(List.of(NONE, each), new int[] {0, each.rows() + 3}, new int[] {0, 17});

      GroupEntries.Segments segments = entries.tower(1);
      int[] offsets = segments.offsets();
      int at = 0;
      for (int row = 0; row < each.rows(); row++) {
        for (int slot = 0; slot < 3; slot++) {
          int column = shape.offset(slot);
          int first = each.start(slot, row);
          int count = each.end(slot, row) - first;
          int base = group.place(SCHEMA.slots().get(slot).table()).base();
          for (int i = 0; i < count; i++) {
            assertThat(entries.ids()[at]).isEqualTo(base + each.ids(slot)[first + i]);
            assertThat(entries.sources()[at]).isEqualTo(17 + row * shape.inputWidth() + column);
            assertThat(entries.weights()[at++]).isEqualTo(slot == 1 ? 1f / count : 1);
          }
          if (combine == Combine.CONCAT) {
            assertThat(offsets[row * 3 + slot + 1]).isEqualTo(at);
          }
        }
        assertThat(offsets[(row + 1) * segments.columns().length]).isEqualTo(at);
      }
      assertThat(entries.size()).isEqualTo(at);
      assertThat(segments.columns())
          .isEqualTo(combine == Combine.CONCAT ? new int[] {0, DIM, 2 * DIM} : new int[] {0});
      for (int i = 0; i <= 3 * segments.columns().length; i++) {
        assertThat(offsets[each.rows() * segments.columns().length + i]).isEqualTo(at);
      }
    }
  }

  @Test
  void anIdOutsideItsTableIsFoundInAnyPartOfABatch() {
    FeatureBatch batch = batch(3000);
    batch.replace(2, 2999, 5);
    batch.replace(2, 2000, -1);
    GroupEntries entries =
        new GroupEntries(group(), List.of(shape(Combine.CONCAT), shape(Combine.CONCAT)));

    assertThatThrownBy(
            () -> entries.pack(List.of(batch, NONE), new int[] {3000, 0}, new int[] {0, 0}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("feature colour: row -1 of a table of 5");
  }

  private static TableGroup group() {
    Map<TableShape, Integer> rows = new LinkedHashMap<>();
    for (TableShape table : List.of(COLOUR, TAG, USER)) {
      rows.put(table, table.rows());
    }
    return TableGroup.of(rows).get(0);
  }

  private static TowerShape shape(Combine combine) {
    return new TowerShape(SCHEMA, combine, List.of(), DIM, Activation.RELU, 0, 0, true);
  }

  private static FeatureBatch batch(int rows) {
    SplittableRandom random = new SplittableRandom(rows);
    FeatureBatch batch = new FeatureBatch(SCHEMA);
    for (int row = 0; row < rows; row++) {
      batch.add(0, random.nextInt(60));
      batch.endSlot(0);
      for (int i = random.nextInt(4); i > 0; i--) {
        batch.add(1, random.nextInt(30));
      }
      batch.endSlot(1);
      batch.add(2, random.nextInt(5));
      batch.endSlot(2);
      batch.endRow();
    }
    return batch;
  }
}
