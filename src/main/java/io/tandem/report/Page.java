package io.tandem.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** One self-contained HTML page: headings, paragraphs, tables and drawn curves, no script. */
public final class Page {
  private static final String STYLE =
      """
      body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
      h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
      table { border-collapse: collapse; margin: 1rem 0 }
      th, td { padding: .25rem .8rem; border-bottom: 1px solid #ddd; text-align: left }
      .number { text-align: right; font-variant-numeric: tabular-nums }
      svg { max-width: 100%; height: auto }
      """;

  private final String title;
  private final StringBuilder body = new StringBuilder();

  public Page(String title) {
    this.title = title;
  }

  /** Starts a section. */
  public Page heading(String text) {
    body.append("<h2>").append(Html.escape(text)).append("</h2>\n");
    return this;
  }

  /** Adds a paragraph. */
  public Page paragraph(String text) {
    body.append("<p>").append(Html.escape(text)).append("</p>\n");
    return this;
  }

  /** Adds a table. */
  public Page table(Table table) {
    body.append(table.toHtml()).append('\n');
    return this;
  }

  /** Adds text as it stands. */
  public Page preformatted(String text) {
    body.append("<pre>").append(Html.escape(text)).append("</pre>\n");
    return this;
  }

  /** Adds a drawing. */
  public Page curves(Curves curves) {
    body.append(curves.toSvg()).append('\n');
    return this;
  }

  /** The whole page. */
  public String toHtml() {
    return """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>%s</title>
        <style>
        %s</style></head>
        <body><h1>%s</h1>
        %s</body></html>
        """
        .formatted(Html.escape(title), STYLE, Html.escape(title), body);
  }

  /** Writes the page, replacing a file only once the new one is whole. */
  public void write(Path file) {
    try {
      Path absolute = file.toAbsolutePath();
      Path folder = absolute.getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
      Path whole = absolute.resolveSibling(absolute.getFileName() + ".new");
      Files.writeString(whole, toHtml());
      Files.move(whole, absolute, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the report " + file + ": " + e.getMessage(), e);
    }
  }
}
