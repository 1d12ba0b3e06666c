package io.tandem.filter;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A word, value or sign of a filter's text.
 *
 * @param text without quotes; words of the grammar in lower case
 * @param at where it begins
 * @param end one past where it ends
 */
record Token(Kind kind, String text, int at, int end) {
  private static final Pattern NUMBER =
      Pattern.compile("[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?");
  private static final Pattern SIGN = Pattern.compile("<=|>=|!=|<>|[=<>(),]");

  enum Kind {
    WORD,
    COLUMN,
    TEXT,
    NUMBER,
    SIGN,
    END
  }

  boolean is(Kind wanted, String wantedText) {
    return kind == wanted && text.equals(wantedText);
  }

  static List<Token> all(String text) {
    List<Token> tokens = new ArrayList<>();
    int at = 0;
    while (true) {
      while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
        at++;
      }
      Token token = next(text, at);
      tokens.add(token);
      if (token.kind == Kind.END) {
        return tokens;
      }
      at = token.end;
    }
  }

  private static Token next(String text, int at) {
    if (at == text.length()) {
      return new Token(Kind.END, "", at, at);
    }
    char c = text.charAt(at);
    if (c == '\'' || c == '"') {
      return quoted(text, at, c);
    }
    if (FilterText.isStart(c)) {
      return word(text, at);
    }
    Matcher number = NUMBER.matcher(text).region(at, text.length());
    if (number.lookingAt()) {
      int end = number.end();
      if (end < text.length() && FilterText.isPart(text.charAt(end))) {
        throw FilterException.at(
            text, end, "an end of the number " + number.group(), "'" + text.charAt(end) + "'");
      }
      return new Token(Kind.NUMBER, number.group(), at, end);
    }
    Matcher sign = SIGN.matcher(text).region(at, text.length());
    if (sign.lookingAt()) {
      String found = sign.group().equals("<>") ? "!=" : sign.group();
      return new Token(Kind.SIGN, found, at, sign.end());
    }
    throw FilterException.at(text, at, "a column, a value or a sign", "'" + c + "'");
  }

  private static Token word(String text, int at) {
    int end = at;
    while (end < text.length() && FilterText.isPart(text.charAt(end))) {
      end++;
    }
    String word = text.substring(at, end);
    String lower = word.toLowerCase(Locale.ROOT);
    return FilterText.WORDS.contains(lower)
        ? new Token(Kind.WORD, lower, at, end)
        : new Token(Kind.COLUMN, word, at, end);
  }

  private static Token quoted(String text, int at, char quote) {
    StringBuilder content = new StringBuilder();
    for (int i = at + 1; i < text.length(); i++) {
      if (text.charAt(i) != quote) {
        content.append(text.charAt(i));
      } else if (i + 1 < text.length() && text.charAt(i + 1) == quote) {
        content.append(quote);
        i++;
      } else {
        Kind kind = quote == '"' ? Kind.COLUMN : Kind.TEXT;
        return new Token(kind, content.toString(), at, i + 1);
      }
    }
    throw FilterException.at(
        text, text.length(), "a " + quote + " that ends what begins at " + (at + 1), "the end");
  }
}
