package io.tandem.data;

import io.tandem.data.Database.SqlFailure;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Says in one line, with the place, why the database could not read a source. */
final class Explanation {
  private static final Pattern CONVERSION =
      Pattern.compile(
          "CSV Error on Line: (\\d+).*?Error when converting column \"([^\"]*)\"\\. Could not"
              + " convert string \"(.*?)\" to '([^']*)'",
          Pattern.DOTALL);
  private static final Pattern FIELDS =
      Pattern.compile(
          "CSV Error on Line: (\\d+).*?Expected Number of Columns: (\\d+) Found: (\\d+)",
          Pattern.DOTALL);
  private static final Pattern ENCODING =
      Pattern.compile("(?:CSV Error on Line: (\\d+).*?)?Invalid unicode", Pattern.DOTALL);
  private static final Pattern SECRET =
      Pattern.compile(
          "(?i)((?:password|passwd|pwd|secret|token)=)[^&;\\s]*|(//[^/:@\\s]*:)[^/@\\s]+@");

  private Explanation() {}

  /**
   * The error to throw.
   *
   * @param source what messages call the source
   * @param encoding of the source, when it is a text file
   */
  static DataException of(String source, String encoding, SqlFailure failure) {
    return new DataException(source + ": " + of(encoding, failure.reason()), failure);
  }

  private static String of(String encoding, String reason) {
    Matcher conversion = CONVERSION.matcher(reason);
    if (conversion.find()) {
      return "line %s, column '%s': expected %s, found '%s'"
          .formatted(
              conversion.group(1),
              conversion.group(2),
              inWords(conversion.group(4)),
              conversion.group(3));
    }
    Matcher fields = FIELDS.matcher(reason);
    if (fields.find()) {
      int expected = Integer.parseInt(fields.group(2));
      int found = Integer.parseInt(fields.group(3));
      return "line %s: expected %d fields, found %s"
          .formatted(fields.group(1), expected, found > expected ? "more" : String.valueOf(found));
    }
    Matcher unicode = ENCODING.matcher(reason);
    if (unicode.find()) {
      String line = unicode.group(1) == null ? "" : "line " + unicode.group(1) + ": ";
      return "%sexpected text in %s, found other bytes; say encoding: latin-1 if it is"
          .formatted(line, encoding.toUpperCase(Locale.ROOT));
    }
    return firstLine(reason);
  }

  static String firstLine(String text) {
    return text.lines().findFirst().orElse("");
  }

  /** A database's URL, or a message about it, without passwords. */
  static String withoutSecrets(String text) {
    return SECRET.matcher(text).replaceAll(found -> found.group(1) != null ? "$1***" : "$2***@");
  }

  private static String inWords(String type) {
    return switch (type) {
      case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT" -> "a whole number";
      case "FLOAT", "DOUBLE" -> "a number";
      case "BOOLEAN" -> "true or false";
      case "DATE" -> "a date";
      default ->
          type.startsWith("TIMESTAMP")
              ? "a timestamp"
              : "a value of type " + type.toLowerCase(Locale.ROOT);
    };
  }
}
