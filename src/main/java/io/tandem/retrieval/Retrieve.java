package io.tandem.retrieval;

import io.tandem.filter.Filter;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is asked for: how many items, which, and within what time.
 *
 * <pre>{@code
 * Retrieve.top(20)
 *     .where(Filter.equal("genres", "Drama").and(Filter.range("year").atLeast(1990)))
 *     .exclude(inTheBasket)
 *     .excludeSeen()
 *     .within(Duration.ofMillis(50))
 * }</pre>
 *
 * <p>Filters and exclusions never cost hits: k items are returned wherever k items remain, be it of
 * millions or of one. Immutable; safe for any number of threads, and worth keeping.
 */
public final class Retrieve {
  private final int k;
  private final Set<String> excluded;
  private final Seen seen;
  private final @Nullable Filter filter;
  private final @Nullable Duration within;

  private Retrieve(
      int k, Set<String> excluded, Seen seen, @Nullable Filter filter, @Nullable Duration within) {
    this.k = k;
    this.excluded = excluded;
    this.seen = seen;
    this.filter = filter;
    this.within = within;
  }

  /** What happens to items of the query's own history. */
  enum Seen {
    KEPT,
    EXCLUDED
  }

  /**
   * The k best items.
   *
   * @param k at least 1; where the corpus is smaller, all of it is returned
   * @throws IllegalArgumentException if k is below 1
   */
  public static Retrieve top(int k) {
    if (k < 1) {
      throw new IllegalArgumentException("expected k of at least 1, found " + k);
    }
    return new Retrieve(k, Set.of(), Seen.KEPT, null, null);
  }

  /** Also leaves out some items; keys that name no item are ignored. */
  public Retrieve exclude(Collection<String> items) {
    Set<String> all = new HashSet<>(excluded);
    items.forEach(item -> all.add(Objects.requireNonNull(item)));
    return new Retrieve(k, all, seen, filter, within);
  }

  /**
   * Also leaves out what the query touched before: the stored history of a known query, and the
   * items of every sequence given with the query.
   */
  public Retrieve excludeSeen() {
    return new Retrieve(k, excluded, Seen.EXCLUDED, filter, within);
  }

  /**
   * Only items that satisfy a filter, and those given before. What columns there are is looked up
   * when items are retrieved: an unknown one is an {@link io.tandem.filter.FilterException} then.
   */
  public Retrieve where(Filter condition) {
    Filter all = filter == null ? condition : filter.and(condition);
    return new Retrieve(k, excluded, seen, all, within);
  }

  /** Only items of which a column holds a value: {@code where(Filter.equal(column, value))}. */
  public Retrieve where(String column, String value) {
    return where(Filter.equal(column, value));
  }

  /**
   * Gives up, with a {@link DeadlineException}, once this much time has passed since the call:
   * while waiting for its turn, before the query is embedded, and before the search begins. A
   * search that has begun is not interrupted, so that an answer may come late by one search.
   *
   * @param time more than none
   */
  public Retrieve within(Duration time) {
    if (time.isNegative() || time.isZero()) {
      throw new IllegalArgumentException("expected a time of more than none, found " + time);
    }
    return new Retrieve(k, excluded, seen, filter, time);
  }

  int k() {
    return k;
  }

  Set<String> excluded() {
    return excluded;
  }

  Seen seen() {
    return seen;
  }

  @Nullable Filter filter() {
    return filter;
  }

  @Nullable Duration within() {
    return within;
  }
}
