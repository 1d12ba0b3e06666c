package io.tandem.tower;

import io.tandem.feature.InputSchema.TableShape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Embedding tables of one width whose rows lie one after another in a device's memory, an arena,
 * and are gathered and moved together: what a step asks of a device does not grow with the tables.
 * A table of which a device holds only some rows is a group of its own.
 */
final class TableGroup {
  private final int dim;
  private final boolean cached;
  private final Map<TableShape, Place> places = new LinkedHashMap<>();
  private int rows;

  /**
   * Where a table is in the arena.
   *
   * @param base its first row
   * @param count rows that there is room for
   */
  record Place(int base, int count) {}

  private TableGroup(int dim, boolean cached) {
    this.dim = dim;
    this.cached = cached;
  }

  /**
   * Groups tables.
   *
   * @param rowsOf each table that there is room for on a device
   */
  static List<TableGroup> of(Map<TableShape, Integer> rowsOf) {
    List<TableGroup> groups = new ArrayList<>();
    rowsOf.forEach(
        (table, count) -> {
          boolean whole = count == table.rows();
          TableGroup group =
              groups.stream()
                  .filter(other -> whole && other.takes(table))
                  .findFirst()
                  .orElseGet(
                      () -> {
                        TableGroup fresh = new TableGroup(table.dim(), !whole);
                        groups.add(fresh);
                        return fresh;
                      });
          group.places.put(table, new Place(group.rows, count));
          group.rows += count;
        });
    return groups;
  }

  private boolean takes(TableShape table) {
    return !cached && dim == table.dim() && table.rows() <= Integer.MAX_VALUE - rows;
  }

  int dim() {
    return dim;
  }

  /** Of all tables together. */
  int rows() {
    return rows;
  }

  /** Whether its table's rows come and go. */
  boolean isCached() {
    return cached;
  }

  Set<TableShape> tables() {
    return places.keySet();
  }

  boolean holds(TableShape table) {
    return places.containsKey(table);
  }

  Place place(TableShape table) {
    Place place = places.get(table);
    if (place == null) {
      throw new IllegalArgumentException("no table " + table);
    }
    return place;
  }
}
