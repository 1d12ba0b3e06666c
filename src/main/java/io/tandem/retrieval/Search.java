package io.tandem.retrieval;

import io.tandem.index.RowSet;
import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Searches an index, and what was added beside it, for what remains after a filter and exclusions,
 * and keeps the promise of k hits wherever k items remain; what is compared, the scratch counts.
 * Takes no lock; what it works in is the caller's {@link Scratch}.
 */
final class Search {
  /**
   * Exclusions up to which more hits are asked for and filtered; a filter inside the search costs a
   * bit set over all rows, but not a wider search.
   */
  static final int FILTERED_AFTERWARDS = 256;

  private final VectorIndex index;

  Search(VectorIndex index) {
    this.index = index;
  }

  /**
   * Finds the best rows of the index for {@code scratch.vector} into {@code scratch.hits}.
   *
   * @param allowed null for all rows
   */
  void search(int k, @Nullable RowSet allowed, Scratch scratch) {
    scratch.scanned = 0;
    int excluded = scratch.excludedCount();
    if (excluded > FILTERED_AFTERWARDS) {
      searchRemaining(k, allowed, scratch);
      return;
    }
    int rows = allowed == null ? index.size() : allowed.cardinality();
    int fetch = (int) Math.min(rows, (long) k + excluded);
    if (fetch == 0) {
      scratch.hits.reset(0);
    } else if (allowed == null) {
      index.search(scratch.vector, fetch, scratch.hits);
    } else {
      index.search(scratch.vector, fetch, allowed, scratch.hits);
    }
    scratch.scanned += scratch.hits.scanned();
    keepAllowed(k, allowed, scratch);
  }

  /** Drops excluded hits; asks again where too few are left. */
  void keepAllowed(int k, @Nullable RowSet allowed, Scratch scratch) {
    if (scratch.excludedCount() > 0) {
      scratch.hits.removeIf(scratch::isExcluded);
      if (scratch.hits.size() < k && scratch.hits.size() < remaining(allowed, scratch)) {
        searchRemaining(k, allowed, scratch);
      }
    }
    scratch.hits.truncate(k);
  }

  /**
   * Merges the best of the added items into {@code scratch.hits}, as rows from the index's size on;
   * of equal scores, the index's come first.
   *
   * @param allowed null for all of them
   */
  void merge(int k, Delta delta, @Nullable BitSet allowed, Scratch scratch) {
    if (delta.size() == 0) {
      return;
    }
    int limit = Math.min(k, delta.size());
    TopK best = scratch.added;
    best.reset(limit);
    for (int i = 0; i < delta.size(); i++) {
      if (!scratch.excludedAdded.get(i) && (allowed == null || allowed.get(i))) {
        best.offer(i, dot(scratch.vector, delta.vector(i)), limit);
        scratch.scanned++;
      }
    }
    best.sort();
    if (best.size() > 0) {
      merge(k, best, scratch);
    }
  }

  private void merge(int k, TopK best, Scratch scratch) {
    TopK hits = scratch.hits;
    TopK merged = scratch.spare;
    int size = (int) Math.min(k, (long) hits.size() + best.size());
    merged.reset(size);
    int mine = 0;
    int added = 0;
    while (merged.size() < size) {
      if (added == best.size() || (mine < hits.size() && hits.score(mine) >= best.score(added))) {
        merged.add(hits.row(mine), hits.score(mine));
        mine++;
      } else {
        merged.add(index.size() + best.row(added), best.score(added));
        added++;
      }
    }
    scratch.spare = hits;
    scratch.hits = merged;
  }

  private int remaining(@Nullable RowSet allowed, Scratch scratch) {
    if (allowed == null) {
      return index.size() - scratch.excludedCount();
    }
    int remaining = allowed.cardinality();
    for (int i = 0; i < scratch.excludedCount(); i++) {
      remaining -= allowed.contains(scratch.excluded()[i]) ? 1 : 0;
    }
    return remaining;
  }

  private void searchRemaining(int k, @Nullable RowSet allowed, Scratch scratch) {
    RowSet others = RowSet.allBut(index.size(), scratch.excluded(), scratch.excludedCount());
    index.search(scratch.vector, k, allowed == null ? others : others.and(allowed), scratch.hits);
    scratch.scanned += scratch.hits.scanned();
  }

  private static float dot(float[] a, float[] b) {
    float sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
