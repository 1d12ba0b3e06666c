package io.tandem.retrieval;

import io.tandem.artifact.OpenVersion;
import io.tandem.filter.Filter;
import io.tandem.index.RowSet;
import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;
import it.unimi.dsi.fastutil.objects.Object2IntOpenHashMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What changed since a version was built: rows of it that are dead, because their items were
 * removed or replaced, and added items, numbered from 0, which are searched exactly. Immutable:
 * each change makes a new one, which retrievals see from their beginning to their end or not at
 * all.
 */
final class Delta {
  /** Nothing changed. */
  static final Delta NONE = new Delta(List.of(), new int[0]);

  /** Dead rows up to which they are left out as exclusions are, rather than by a set of rows. */
  private static final int FEW = 128;

  /** Filters whose rows are remembered. */
  private static final int FILTERS = 64;

  private final List<Added> added;
  private final Object2IntOpenHashMap<String> byKey;
  private final Int2IntOpenHashMap byRow;

  /** Ascending. */
  private final int[] dead;

  private final Map<Filter, Allowed> filtered = new ConcurrentHashMap<>();
  private volatile @Nullable RowSet alive;

  private Delta(List<Added> added, int[] dead) {
    this.added = added;
    this.dead = dead;
    byKey = new Object2IntOpenHashMap<>(added.size());
    byKey.defaultReturnValue(-1);
    byRow = new Int2IntOpenHashMap();
    byRow.defaultReturnValue(-1);
    for (int i = 0; i < added.size(); i++) {
      byKey.put(added.get(i).change.key(), i);
      if (added.get(i).row >= 0) {
        byRow.put(added.get(i).row, i);
      }
    }
  }

  /**
   * @param row of the version that it replaces, or -1
   */
  private record Added(Change change, ItemValues values, float[] vector, int row) {}

  /**
   * What a filter leaves.
   *
   * @param rows of the version; null for all but the dead ones where those are few
   * @param items of the added ones; null for all
   */
  record Allowed(@Nullable RowSet rows, @Nullable BitSet items) {
    static final Allowed ALL = new Allowed(null, null);
  }

  /**
   * Applies changes to a version.
   *
   * @param changes the last of each key, in order
   * @param before what was applied to the same version before: its embeddings are taken over
   */
  static Delta of(
      OpenVersion version, Collection<Change> changes, ItemEmbedder embedder, Delta before) {
    long contained = ChangeLog.contained(version.version().manifest().itemsAsOf());
    List<Added> added = new ArrayList<>();
    int[] dead = new int[16];
    int count = 0;
    for (Change change : changes) {
      if (change.time() <= contained) {
        continue;
      }
      int row = version.items().indexOf(change.key());
      if (row >= 0) {
        dead = count == dead.length ? Arrays.copyOf(dead, count * 2) : dead;
        dead[count++] = row;
      }
      Item item = change.item();
      if (item != null) {
        float[] known = before.vectorOf(change);
        added.add(
            new Added(
                change,
                embedder.values(change.key(), item),
                known == null ? embedder.embed(change.key(), item, row) : known,
                row));
      }
    }
    dead = Arrays.copyOf(dead, count);
    Arrays.sort(dead);
    return added.isEmpty() && count == 0 ? NONE : new Delta(List.copyOf(added), dead);
  }

  boolean isEmpty() {
    return added.isEmpty() && dead.length == 0;
  }

  /** Number of added items. */
  int size() {
    return added.size();
  }

  /** Number of the version's rows that no longer count. */
  int deadCount() {
    return dead.length;
  }

  boolean isDead(int row) {
    return Arrays.binarySearch(dead, row) >= 0;
  }

  boolean fewAreDead() {
    return dead.length <= FEW;
  }

  int dead(int place) {
    return dead[place];
  }

  /** Number of an added item, or -1. */
  int indexOf(String key) {
    return byKey.getInt(key);
  }

  /** Number of the added item that replaces a row, or -1. */
  int replacing(int row) {
    return byRow.get(row);
  }

  String key(int number) {
    return added.get(number).change.key();
  }

  ItemValues values(int number) {
    return added.get(number).values;
  }

  /** Embedding of an added item; not a copy. */
  float[] vector(int number) {
    return added.get(number).vector;
  }

  /** What a filter and the dead rows leave; remembered while nothing else changes. */
  Allowed allowed(@Nullable Filter filter, FilterCache filters, int rows) {
    if (isEmpty()) {
      return filter == null ? Allowed.ALL : new Allowed(filters.rows(filter), null);
    }
    if (filter == null) {
      return fewAreDead() ? Allowed.ALL : new Allowed(alive(rows), null);
    }
    Allowed known = filtered.get(filter);
    if (known == null) {
      known = compile(filter, filters, rows);
      if (filtered.size() >= FILTERS) {
        filtered.clear();
      }
      filtered.put(filter, known);
    }
    return known;
  }

  private Allowed compile(Filter filter, FilterCache filters, int rows) {
    RowSet all = filters.rows(filter);
    if (all != null && !fewAreDead()) {
      all = all.and(alive(rows));
    }
    BitSet items = new BitSet(added.size());
    for (int i = 0; i < added.size(); i++) {
      items.set(i, filters.columns().matches(filter, added.get(i).values));
    }
    return new Allowed(all, items);
  }

  private RowSet alive(int rows) {
    RowSet known = alive;
    if (known == null) {
      known = RowSet.allBut(rows, dead, dead.length);
      alive = known;
    }
    return known;
  }

  private float @Nullable [] vectorOf(Change change) {
    int number = indexOf(change.key());
    return number >= 0 && added.get(number).change.equals(change) ? added.get(number).vector : null;
  }
}
