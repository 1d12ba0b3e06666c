package io.tandem.retrieval;

import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What is known about a query: values by the columns that the model's features read, sequences by
 * the feature's name. Everything may be absent, and values never seen in training are legal.
 *
 * <pre>{@code
 * Query query =
 *     Query.builder()
 *         .put("userId", "42")
 *         .put("age", 31)
 *         .putSequence("history", List.of("1", "50"))
 *         .build();
 * }</pre>
 *
 * <p>Where the query's key is given and known from training, and a sequence is not given, the
 * stored history takes its place. A time is not filled in: where the model reads one, give it.
 *
 * <p>Immutable; safe for any number of threads.
 */
public final class Query {
  /** By column: String, Double (numbers), Instant (times) or List (sequences and lists). */
  private final Map<String, Object> values;

  private Query(Map<String, Object> values) {
    this.values = values;
  }

  /** A query about which nothing is known yet. */
  public static Builder builder() {
    return new Builder();
  }

  @Nullable Object value(String column) {
    return values.get(column);
  }

  Map<String, Object> values() {
    return values;
  }

  /** Queries of equal values are equal. */
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Query query && query.values.equals(values);
  }

  @Override
  public int hashCode() {
    return values.hashCode();
  }

  @Override
  public String toString() {
    return "Query" + values;
  }

  /** Collects values; a column put twice keeps the later value. Not thread-safe. */
  public static final class Builder {
    private final Map<String, Object> values = new HashMap<>();

    private Builder() {}

    /** A category, a text, a key; text that reads as a number is one where a number is needed. */
    public Builder put(String column, String value) {
      return set(column, value);
    }

    /** A number; NaN is as if absent. */
    public Builder put(String column, double value) {
      return set(column, value);
    }

    /** A moment. */
    public Builder putTime(String column, Instant value) {
      return set(column, value);
    }

    /** Several values: keys of items for a sequence, oldest first; categories for a bag. */
    public Builder putSequence(String name, List<String> values) {
      return set(name, List.copyOf(values));
    }

    /** The query; the builder may be used on. */
    public Query build() {
      return new Query(new HashMap<>(values));
    }

    private Builder set(String column, Object value) {
      values.put(Objects.requireNonNull(column), Objects.requireNonNull(value));
      return this;
    }
  }
}
