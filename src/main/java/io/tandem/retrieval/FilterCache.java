package io.tandem.retrieval;

import com.google.common.cache.Cache;
import com.google.common.cache.CacheBuilder;
import io.tandem.filter.Filter;
import io.tandem.filter.FilterColumns;
import io.tandem.index.RowSet;
import org.jspecify.annotations.Nullable;

/**
 * Rows of the filters asked last, so that a filter costs nothing the second time. Bounded by its
 * memory. Finding a filter takes no lock.
 */
final class FilterCache {
  /** Words of bit sets to keep: 64 MiB. */
  private static final int WORDS = 1 << 23;

  private final FilterColumns columns;
  private final Cache<Filter, RowSet> cache;

  FilterCache(FilterColumns columns) {
    this.columns = columns;
    cache =
        CacheBuilder.newBuilder()
            // Segments would divide the bound, and the greatest bit sets would fit none.
            .concurrencyLevel(1)
            .maximumWeight(WORDS)
            .weigher((Filter filter, RowSet rows) -> 16 + rows.words())
            .build();
  }

  FilterColumns columns() {
    return columns;
  }

  /**
   * Rows that satisfy a filter; null, for all, where there is none.
   *
   * @throws io.tandem.filter.FilterException if a column is not there or cannot answer
   */
  @Nullable RowSet rows(@Nullable Filter filter) {
    if (filter == null) {
      return null;
    }
    RowSet kept = cache.getIfPresent(filter);
    if (kept == null) {
      kept = columns.rows(filter);
      cache.put(filter, kept);
    }
    return kept;
  }
}
