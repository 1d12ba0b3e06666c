package io.tandem.evaluation;

import java.util.List;

/**
 * Queries or items in named groups: each in exactly one.
 *
 * @param by what parts them, such as {@code history length}
 * @param groups names, in the order in which they are shown
 * @param groupOf for each query or item, the number of its group
 */
public record Partition(String by, List<String> groups, int[] groupOf) {
  public Partition {
    groups = List.copyOf(groups);
    for (int group : groupOf) {
      if (group < 0 || group >= groups.size()) {
        throw new IllegalArgumentException(
            "%s: expected a group from 0 to %d, found %d".formatted(by, groups.size() - 1, group));
      }
    }
  }
}
