package io.tandem.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class RowSetTest {
  private static final int BOUND = 200;

  @Property
  void holdsExactlyTheGivenRows(@ForAll Set<@IntRange(max = BOUND - 1) Integer> rows) {
    RowSet set = RowSet.of(BOUND, ints(rows));
    assertThat(members(set)).containsExactlyElementsOf(new TreeSet<>(rows));
    assertThat(set.cardinality()).isEqualTo(rows.size());
  }

  @Property
  void allButHoldsTheOthers(
      @ForAll Set<@IntRange(max = 63) Integer> rows, @ForAll @IntRange(min = 64, max = 200) int n) {
    RowSet set = RowSet.allBut(n, ints(rows), rows.size());
    assertThat(set.cardinality()).isEqualTo(n - rows.size());
    assertThat(members(set)).allMatch(row -> row < n && !rows.contains(row));
  }

  @Property
  void andHoldsWhatBothHold(
      @ForAll Set<@IntRange(max = BOUND - 1) Integer> a,
      @ForAll Set<@IntRange(max = BOUND - 1) Integer> b) {
    TreeSet<Integer> both = new TreeSet<>(a);
    both.retainAll(b);
    assertThat(members(RowSet.of(BOUND, ints(a)).and(RowSet.of(BOUND, ints(b)))))
        .containsExactlyElementsOf(both);
  }

  @Test
  void rowsOutsideTheBoundAreRefused() {
    assertThatThrownBy(() -> RowSet.of(64, 64))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("expected a row from 0 and below 64, found 64");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> RowSet.of(64).and(RowSet.of(65)))
        .withMessage("expected a set of rows below 64, found one below 65");
  }

  private static int[] ints(Set<Integer> rows) {
    return rows.stream().mapToInt(Integer::intValue).toArray();
  }

  private static List<Integer> members(RowSet set) {
    List<Integer> rows = new ArrayList<>();
    for (int row = set.next(0); row >= 0; row = set.next(row + 1)) {
      assertThat(set.contains(row)).isTrue();
      rows.add(row);
    }
    return rows;
  }
}
