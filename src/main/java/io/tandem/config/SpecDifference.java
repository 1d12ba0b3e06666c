package io.tandem.config;

import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where two specifications part.
 *
 * @param key dotted path
 * @param first value in the first of them, {@code nothing} where it has none
 * @param second value in the other
 */
public record SpecDifference(String key, String first, String second) {

  /** The first difference in data and split; empty where they are the same. */
  public static Optional<SpecDifference> ofData(ModelSpec first, ModelSpec second) {
    return of("data", SpecWriter.tree(first).get("data"), SpecWriter.tree(second).get("data"));
  }

  private static Optional<SpecDifference> of(
      String key, @Nullable Object first, @Nullable Object second) {
    if (first instanceof Map<?, ?> a && second instanceof Map<?, ?> b) {
      Set<Object> keys = new LinkedHashSet<>(a.keySet());
      keys.addAll(b.keySet());
      return keys.stream()
          .flatMap(each -> of(key + "." + each, a.get(each), b.get(each)).stream())
          .findFirst();
    }
    String one = text(first);
    String other = text(second);
    return one.equals(other) ? Optional.empty() : Optional.of(new SpecDifference(key, one, other));
  }

  private static String text(@Nullable Object value) {
    return value == null ? "nothing" : value.toString();
  }
}
