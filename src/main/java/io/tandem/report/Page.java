package io.tandem.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** One self-contained HTML page: headings, paragraphs, tables and drawings, no script. */
public final class Page {
  private static final String STYLE =
      """
      :root { color-scheme: light dark; --line: #ddd; --mute: #666 }
      body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
      h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
      table { border-collapse: collapse; margin: 1rem 0 }
      th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap }
      th { color: var(--mute); font-weight: 600 }
      .number { text-align: right; font-variant-numeric: tabular-nums }
      .wide { overflow-x: auto; margin: 1rem 0 }
      svg { display: block; max-width: 100%; min-width: 34rem; height: auto }
      pre { overflow-x: auto; padding: .8rem; border: 1px solid var(--line); font-size: 13px }
      @media (prefers-color-scheme: dark) {
        :root { --line: #444; --mute: #aaa }
        body { color: #ddd; background: #191919 }
        .paper { filter: invert(.9) hue-rotate(180deg) }
      }
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
    return wide(table.toHtml());
  }

  /** Adds text as it stands. */
  public Page preformatted(String text) {
    body.append("<pre>").append(Html.escape(text)).append("</pre>\n");
    return this;
  }

  /** Adds a drawing; on a narrow screen it can be moved sideways rather than shrink to a stamp. */
  public Page drawing(Drawing drawing) {
    return wide(drawing.toSvg());
  }

  private Page wide(String element) {
    body.append("<div class=\"wide\">").append(element).append("</div>\n");
    return this;
  }

  /** The whole page. */
  public String toHtml() {
    return """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <title>%s</title>
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
