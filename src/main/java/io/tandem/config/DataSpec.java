package io.tandem.config;

import org.jspecify.annotations.Nullable;

/**
 * Where interactions and attributes come from and how interactions are split.
 *
 * @param interactions what happened: one row per (query, item)
 * @param queries attributes of queries, one row per query; absent where the key says all
 * @param items attributes of items, one row per item; absent where the key says all
 */
public record DataSpec(
    InteractionsSpec interactions,
    @Nullable EntitySpec queries,
    @Nullable EntitySpec items,
    SplitSpec split) {

  /**
   * Interactions and the columns that hold their parts.
   *
   * @param time column of the event's time: a timestamp, a date, or seconds since 1970; without it
   *     rows are taken to be in time order
   * @param weight column of a non-negative weight; 1 without it
   */
  public record InteractionsSpec(
      SourceSpec source,
      String query,
      String item,
      @Nullable String time,
      @Nullable String weight) {}

  /**
   * Attributes of queries or of items.
   *
   * @param key column of the unique key
   */
  public record EntitySpec(SourceSpec source, String key) {}
}
