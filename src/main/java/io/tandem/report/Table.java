package io.tandem.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * A table of results, for a terminal ({@link #toString}) and for a page ({@link #toHtml}). Columns
 * of numbers stand to the right.
 */
public final class Table {
  /** With a unit, an interval or a deviation behind it. */
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?[0-9][0-9.,]*( ?[%×A-Za-z/]+| \\[[-+0-9., ]+]| ± [0-9.]+)?");

  private final List<String> header;
  private final List<List<String>> rows = new ArrayList<>();

  public Table(String... header) {
    this.header = List.of(header);
  }

  /**
   * Adds a row; numbers with a fraction are shown with four decimals.
   *
   * @throws IllegalArgumentException if it has another number of cells than the header
   */
  public Table row(Object... cells) {
    if (cells.length != header.size()) {
      throw new IllegalArgumentException(
          "row has %d cells, expected %d".formatted(cells.length, header.size()));
    }
    List<String> row = new ArrayList<>();
    for (Object cell : cells) {
      row.add(
          cell instanceof Double || cell instanceof Float
              ? String.format(Locale.ROOT, "%.4f", ((Number) cell).doubleValue())
              : String.valueOf(cell));
    }
    rows.add(row);
    return this;
  }

  /** Lines of equal layout, columns padded with spaces, no trailing blanks. */
  @Override
  public String toString() {
    int[] widths = new int[header.size()];
    for (int column = 0; column < widths.length; column++) {
      widths[column] = header.get(column).length();
      for (List<String> row : rows) {
        widths[column] = Math.max(widths[column], row.get(column).length());
      }
    }
    StringBuilder text = new StringBuilder();
    appendLine(text, header, widths);
    for (List<String> row : rows) {
      appendLine(text, row, widths);
    }
    return text.toString();
  }

  /** An HTML table element. */
  public String toHtml() {
    StringBuilder html = new StringBuilder("<table><thead>");
    appendHtml(html, header, "th");
    html.append("</thead><tbody>");
    for (List<String> row : rows) {
      appendHtml(html, row, "td");
    }
    return html.append("</tbody></table>").toString();
  }

  private void appendLine(StringBuilder text, List<String> cells, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int column = 0; column < widths.length; column++) {
      String cell = cells.get(column);
      String padding = " ".repeat(widths[column] - cell.length());
      line.append(rightAligned(column) ? padding + cell : cell + padding).append("  ");
    }
    text.append(line.toString().stripTrailing()).append('\n');
  }

  private void appendHtml(StringBuilder html, List<String> cells, String element) {
    html.append("<tr>");
    for (int column = 0; column < cells.size(); column++) {
      html.append('<').append(element);
      if (rightAligned(column)) {
        html.append(" class=\"number\"");
      }
      html.append('>').append(Html.escape(cells.get(column)));
      html.append("</").append(element).append('>');
    }
    html.append("</tr>");
  }

  private boolean rightAligned(int column) {
    return rows.stream().anyMatch(row -> !row.get(column).isEmpty())
        && rows.stream()
            .map(row -> row.get(column))
            .allMatch(cell -> cell.isEmpty() || NUMBER.matcher(cell).matches());
  }
}
