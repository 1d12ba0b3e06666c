package io.tandem.retrieval;

import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * The items of a retriever between rebuilds: what is added, replaced or removed here is found, or
 * no longer found, by every retrieval that begins after the call returned.
 *
 * <pre>{@code
 * retriever.items().put("m700", Item.builder().put("title", "Stalker").put("year", 1979).build());
 * retriever.items().remove("m13");
 * }</pre>
 *
 * <p>An added item is embedded by the item tower and searched exactly, beside the index; filters
 * apply to it as to any other. Each call is durable when it returns: it is in the store's log of
 * changes, forced to the disk, and applied again whenever the store is opened.
 *
 * <p><b>What a new version does to changes.</b> A version knows when its items were read ({@code
 * itemsAsOf} in its manifest). Changes made up to then are taken to be in it, whatever it says of
 * the item; later ones are carried over, and items embedded anew by its tower. So make a change in
 * the items' source first and here second, with clocks that agree: then a rebuild folds it in, and
 * none is ever lost between two versions. After a rollback, the changes that the older version does
 * not contain count again.
 *
 * <p>Safe for any number of threads; retrievals are never kept waiting. One process changes a
 * store's items at a time; others that follow the store see the changes when they look.
 */
public final class Items {
  /** Added, replaced and removed items up to which changes are taken. */
  static final int LIMIT = 100_000;

  private final Retriever retriever;

  Items(Retriever retriever) {
    this.retriever = retriever;
  }

  /**
   * Adds an item, or replaces the one of this key.
   *
   * @throws IllegalArgumentException if the item has a value in a column that the version does not
   *     know
   * @throws io.tandem.artifact.ArtifactException if another process changes items, or the disk
   *     refuses; nothing changed then
   * @throws IllegalStateException if the retriever is closed, or {@value #LIMIT} changes wait for a
   *     rebuild
   */
  public void put(String key, Item item) {
    retriever.change(Map.of(key, item), List.of());
  }

  /** Adds or replaces several items: all become visible at once, or none. */
  public void putAll(Map<String, Item> items) {
    retriever.change(items, List.of());
  }

  /** Removes an item; nothing happens where there is none of this key. */
  public void remove(String key) {
    retriever.change(Map.of(), List.of(key));
  }

  /** Removes several items: all at once. */
  public void removeAll(Collection<String> keys) {
    retriever.change(Map.of(), keys);
  }
}
