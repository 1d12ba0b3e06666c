package io.tandem.filter;

/**
 * A filter that cannot be read, or that asks of a column what it cannot answer; the message says
 * what was expected and what was found.
 */
public final class FilterException extends IllegalArgumentException {
  public FilterException(String message) {
    super(message);
  }

  /** Something is wrong at a place of a filter's text, which is shown with a mark below it. */
  static FilterException at(String text, int place, String expected, String found) {
    int from = Math.max(0, place - 60);
    int to = Math.min(text.length(), place + 20);
    StringBuilder mark = new StringBuilder("  ");
    for (int i = from; i < place; i++) {
      mark.append(text.charAt(i) == '\t' ? '\t' : ' ');
    }
    return new FilterException(
        "filter, character %d: expected %s, found %s%n  %s%n%s^"
            .formatted(
                place + 1,
                expected,
                found,
                text.substring(from, to).replace('\n', ' ').replace('\r', ' '),
                mark));
  }
}
