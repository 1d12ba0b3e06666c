package io.tandem.retrieval;

import java.util.Collection;
import java.util.HashSet;
import java.util.Set;

/**
 * What is asked for: how many items, and which not.
 *
 * <pre>{@code
 * Retrieve.top(20).exclude(inTheBasket).excludeSeen()
 * }</pre>
 *
 * <p>Exclusions never cost hits: k items are returned wherever k items remain. Immutable; safe for
 * any number of threads.
 */
public final class Retrieve {
  private final int k;
  private final Set<String> excluded;
  private final Seen seen;

  private Retrieve(int k, Set<String> excluded, Seen seen) {
    this.k = k;
    this.excluded = excluded;
    this.seen = seen;
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
    return new Retrieve(k, Set.of(), Seen.KEPT);
  }

  /** Also leaves out some items; keys that name no item are ignored. */
  public Retrieve exclude(Collection<String> items) {
    Set<String> all = new HashSet<>(excluded);
    all.addAll(items);
    return new Retrieve(k, all, seen);
  }

  /**
   * Also leaves out what the query touched before: the stored history of a known query, and the
   * items of every sequence given with the query.
   */
  public Retrieve excludeSeen() {
    return new Retrieve(k, excluded, Seen.EXCLUDED);
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
}
