package io.tandem.retrieval;

import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Attributes of an item that is added between rebuilds, by the columns of the items' source.
 * Everything may be absent, and values never seen in training are legal.
 *
 * <pre>{@code
 * Item item =
 *     Item.builder()
 *         .put("title", "Stalker")
 *         .put("year", 1979)
 *         .putList("genres", List.of("Drama", "Sci-Fi"))
 *         .build();
 * }</pre>
 *
 * <p>Immutable; safe for any number of threads.
 */
public final class Item {
  /** By column: String, Double, Instant or List of String. */
  private final Map<String, Object> values;

  private Item(Map<String, Object> values) {
    this.values = values;
  }

  /** An item of which nothing is known yet. */
  public static Builder builder() {
    return new Builder();
  }

  @Nullable Object value(String column) {
    return values.get(column);
  }

  Map<String, Object> values() {
    return values;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Item item && item.values.equals(values);
  }

  @Override
  public int hashCode() {
    return values.hashCode();
  }

  @Override
  public String toString() {
    return "Item" + values;
  }

  /** Collects values; a column put twice keeps the later value. Not thread-safe. */
  public static final class Builder {
    private final Map<String, Object> values = new TreeMap<>();

    private Builder() {}

    /** A category or a text; also several categories as the source separates them. */
    public Builder put(String column, String value) {
      return set(column, value);
    }

    /** A number; NaN is as if absent. */
    public Builder put(String column, double value) {
      return set(column, value);
    }

    /** A moment, to the second. */
    public Builder putTime(String column, Instant value) {
      return set(column, Instant.ofEpochSecond(value.getEpochSecond()));
    }

    /** Several categories. */
    public Builder putList(String column, List<String> values) {
      return set(column, List.copyOf(values));
    }

    /** The item; the builder may be used on. */
    public Item build() {
      return new Item(Collections.unmodifiableMap(new TreeMap<>(values)));
    }

    Builder set(String column, Object value) {
      values.put(Objects.requireNonNull(column), Objects.requireNonNull(value));
      return this;
    }
  }
}
