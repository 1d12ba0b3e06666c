package io.tandem.report;

import com.google.common.html.HtmlEscapers;

/** Text as it may stand in a page. */
final class Html {
  private Html() {}

  static String escape(String text) {
    return HtmlEscapers.htmlEscaper().escape(text);
  }
}
