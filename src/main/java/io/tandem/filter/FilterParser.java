package io.tandem.filter;

import io.tandem.filter.Filter.Bound;
import io.tandem.filter.Filter.Bound.Edge;
import io.tandem.filter.Filter.Value;
import io.tandem.filter.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads {@link Filter#parse}'s language by recursive descent. One method for each rule:
 *
 * <pre>
 * disjunction := conjunction { "or" conjunction }
 * conjunction := negation { "and" negation }
 * negation    := "not" negation | "(" disjunction ")" | comparison
 * comparison  := column ( sign value | ["not"] "in" "(" values ")" | "between" value "and" value
 *                       | "is" ["not"] "missing" )
 *              | value sign column [ sign value ]
 * </pre>
 */
final class FilterParser {
  /** Conditions within conditions: bounds the stack that text from outside can use. */
  private static final int DEPTH = 200;

  private final String text;
  private final List<Token> tokens;
  private int next;
  private int depth;

  FilterParser(String text) {
    this.text = text;
    tokens = Token.all(text);
  }

  Filter parse() {
    Filter filter = disjunction();
    if (peek().kind() != Kind.END) {
      throw expected("'and', 'or' or the end");
    }
    return filter;
  }

  private Filter disjunction() {
    List<Filter> any = new ArrayList<>();
    do {
      any.add(conjunction());
    } while (took(Kind.WORD, "or"));
    return any.size() == 1 ? any.get(0) : new Filter.Or(any);
  }

  private Filter conjunction() {
    List<Filter> all = new ArrayList<>();
    do {
      all.add(negation());
    } while (took(Kind.WORD, "and"));
    return all.size() == 1 ? all.get(0) : new Filter.And(all);
  }

  private Filter negation() {
    if (++depth > DEPTH) {
      throw expected("at most " + DEPTH + " conditions within each other");
    }
    Filter filter;
    if (took(Kind.WORD, "not")) {
      filter = new Filter.Not(negation());
    } else if (took(Kind.SIGN, "(")) {
      filter = disjunction();
      take(Kind.SIGN, ")", "'and', 'or' or ')'");
    } else {
      filter = comparison();
    }
    depth--;
    return filter;
  }

  private Filter comparison() {
    if (isValue(peek())) {
      return valueFirst();
    }
    String column = column();
    if (took(Kind.WORD, "is")) {
      boolean not = took(Kind.WORD, "not");
      take(Kind.WORD, "missing", not ? "'missing'" : "'missing' or 'not missing'");
      return negatedIf(not, new Filter.Missing(column));
    }
    if (took(Kind.WORD, "between")) {
      Value low = value();
      take(Kind.WORD, "and", "'and' and the upper bound");
      return new Filter.Range(
          column, new Bound(low, Edge.INCLUDED), new Bound(value(), Edge.INCLUDED));
    }
    if (took(Kind.WORD, "not")) {
      take(Kind.WORD, "in", "'in'");
      return new Filter.Not(new Filter.In(column, values()));
    }
    if (took(Kind.WORD, "in")) {
      return new Filter.In(column, values());
    }
    Token sign =
        sign("a comparison: =, !=, <, <=, >, >=, 'in', 'not in', 'between' or 'is missing'");
    return compared(column, sign.text(), value());
  }

  /** A comparison that begins with its value; a second one makes it a range. */
  private Filter valueFirst() {
    Value first = value();
    Token sign = sign("a comparison: =, !=, <, <=, > or >=");
    String column = column();
    Filter one = compared(column, mirrored(sign.text()), first);
    boolean more = peek().kind() == Kind.SIGN && isComparison(peek().text());
    if (!more) {
      return one;
    }
    boolean ordered =
        one instanceof Filter.Range && peek().text().charAt(0) == sign.text().charAt(0);
    if (!ordered) {
      throw expected("the same direction twice, as in 1 <= x < 2");
    }
    Filter.Range other = (Filter.Range) compared(column, sign("a comparison").text(), value());
    Filter.Range begun = (Filter.Range) one;
    return begun.low() == null
        ? new Filter.Range(column, other.low(), begun.high())
        : new Filter.Range(column, begun.low(), other.high());
  }

  private static Filter compared(String column, String sign, Value value) {
    return switch (sign) {
      case "=" -> new Filter.In(column, List.of(value));
      case "!=" -> new Filter.Not(new Filter.In(column, List.of(value)));
      case "<" -> new Filter.Range(column, null, new Bound(value, Edge.EXCLUDED));
      case "<=" -> new Filter.Range(column, null, new Bound(value, Edge.INCLUDED));
      case ">" -> new Filter.Range(column, new Bound(value, Edge.EXCLUDED), null);
      case ">=" -> new Filter.Range(column, new Bound(value, Edge.INCLUDED), null);
      default -> throw new IllegalStateException(sign);
    };
  }

  private static String mirrored(String sign) {
    return switch (sign.charAt(0)) {
      case '<' -> sign.replace('<', '>');
      case '>' -> sign.replace('>', '<');
      default -> sign;
    };
  }

  private static Filter negatedIf(boolean not, Filter filter) {
    return not ? new Filter.Not(filter) : filter;
  }

  private List<Value> values() {
    take(Kind.SIGN, "(", "'(' and values");
    List<Value> values = new ArrayList<>();
    if (took(Kind.SIGN, ")")) {
      return values;
    }
    do {
      values.add(value());
    } while (took(Kind.SIGN, ","));
    take(Kind.SIGN, ")", "',' or ')'");
    return values;
  }

  private Value value() {
    Token token = peek();
    if (!isValue(token)) {
      throw expected("a number, or a text in single quotes");
    }
    if (token.kind() == Kind.NUMBER && !Double.isFinite(Double.parseDouble(token.text()))) {
      throw expected("a number that fits 64 bits");
    }
    next++;
    return token.kind() == Kind.NUMBER
        ? new Value.Numeric(Double.parseDouble(token.text()))
        : new Value.Text(token.text());
  }

  private String column() {
    Token token = peek();
    if (token.kind() != Kind.COLUMN || token.text().isEmpty()) {
      throw expected("a column");
    }
    next++;
    return token.text();
  }

  private Token sign(String expected) {
    Token token = peek();
    if (token.kind() != Kind.SIGN || !isComparison(token.text())) {
      throw expected(expected);
    }
    next++;
    return token;
  }

  private static boolean isComparison(String sign) {
    return "=<>!".indexOf(sign.charAt(0)) >= 0;
  }

  private static boolean isValue(Token token) {
    return token.kind() == Kind.NUMBER || token.kind() == Kind.TEXT;
  }

  private boolean took(Kind kind, String wanted) {
    boolean found = peek().is(kind, wanted);
    next += found ? 1 : 0;
    return found;
  }

  private void take(Kind kind, String wanted, String expected) {
    if (!took(kind, wanted)) {
      throw expected(expected);
    }
  }

  private Token peek() {
    return tokens.get(next);
  }

  private FilterException expected(String what) {
    Token found = peek();
    String name = found.kind() == Kind.END ? "the end" : text.substring(found.at(), found.end());
    return FilterException.at(text, found.at(), what, name);
  }
}
