package io.tandem.tower;

import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.InputSchema.TableShape;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How many rows of each table a device holds. */
final class TablePlan {
  /** System property: MiB of a device's memory for tables, in place of nearly all that is free. */
  static final String MEMORY = "tandem.gpu.tables";

  private TablePlan() {}

  /** What a setting leaves to tables of the bytes that are free. */
  static long budget(long free) {
    String given = System.getProperty(MEMORY);
    if (given == null) {
      return free;
    }
    try {
      long mib = Long.parseLong(given);
      if (mib > 0) {
        return Math.min(free, Math.multiplyExact(mib, 1L << 20));
      }
    } catch (NumberFormatException | ArithmeticException notANumber) {
      // Said below.
    }
    throw new IllegalArgumentException(
        "-D%s: expected MiB above 0, found '%s'".formatted(MEMORY, given));
  }

  /** Bytes of a row with its optimizer's state. */
  static long rowBytes(TableShape table, Optimizer optimizer) {
    return Float.BYTES
        * switch (optimizer.sparse()) {
          case ROWWISE_ADAGRAD -> table.dim() + 1L;
          case ADAM -> 3L * table.dim();
        };
  }

  /**
   * Rows of each table, all of them or as many as are cached. Small tables are whole; what they
   * leave is shared evenly by those that are not.
   */
  static Map<TableShape, Integer> rows(
      Collection<TableShape> tables, Optimizer optimizer, long budget) {
    List<TableShape> bySize = new ArrayList<>(tables);
    bySize.sort(Comparator.comparingLong(table -> table.rows() * rowBytes(table, optimizer)));
    Map<TableShape, Integer> rows = new LinkedHashMap<>();
    long left = budget;
    for (int i = 0; i < bySize.size(); i++) {
      TableShape table = bySize.get(i);
      long most = left / (bySize.size() - i) / rowBytes(table, optimizer);
      int own = (int) Math.max(1, Math.min(table.rows(), most));
      rows.put(table, own);
      left = Math.max(0, left - own * rowBytes(table, optimizer));
    }
    return rows;
  }
}
