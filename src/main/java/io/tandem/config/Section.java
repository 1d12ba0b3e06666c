package io.tandem.config;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Typed access to one mapping of the file. What is wrong is noted and the default returned, so that
 * reading goes on and finds every problem; {@link #end} notes keys that nobody asked for.
 */
final class Section {
  private static final Pattern BYTES =
      Pattern.compile("([0-9]{1,19}(?:\\.[0-9]{1,9})?)\\s*([KMGT]?)B?", Pattern.CASE_INSENSITIVE);
  private static final String UNITS = "BKMGT";

  private final @Nullable Node at;
  private final String path;
  private final Problems problems;
  private final Map<String, Node> values = new LinkedHashMap<>();
  private final Map<String, Node> keys = new LinkedHashMap<>();
  private final Set<String> known = new HashSet<>();

  /**
   * @param node null for a section that the file does not have
   */
  Section(@Nullable Node node, String path, Problems problems) {
    this(node, node, path, problems);
  }

  private Section(@Nullable Node node, @Nullable Node at, String path, Problems problems) {
    this.at = at;
    this.path = path;
    this.problems = problems;
    if (node instanceof MappingNode mapping) {
      for (NodeTuple tuple : mapping.getValue()) {
        String key = tuple.getKeyNode() instanceof ScalarNode scalar ? scalar.getValue() : "?";
        if (values.put(key, tuple.getValueNode()) != null) {
          problems.add(tuple.getKeyNode(), path(key), "each key once", "it again");
        }
        keys.put(key, tuple.getKeyNode());
      }
    } else if (node != null && !isNull(node)) {
      problems.add(node, path, "keys and values", describe(node));
    }
  }

  boolean has(String key) {
    known.add(key);
    Node value = values.get(key);
    return value != null && !isNull(value);
  }

  /** Every key, in the order of the file; all of them count as known. */
  List<String> keys() {
    known.addAll(keys.keySet());
    return List.copyOf(keys.keySet());
  }

  boolean isList(String key) {
    known.add(key);
    return values.get(key) instanceof SequenceNode;
  }

  /** The elements of a list, whatever they are, each as YAML on one line. */
  List<String> yaml(String key) {
    known.add(key);
    return values.get(key) instanceof SequenceNode list
        ? list.getValue().stream().map(Section::yaml).toList()
        : List.of();
  }

  private static String yaml(Node node) {
    if (node instanceof SequenceNode list) {
      return list.getValue().stream()
          .map(Section::yaml)
          .collect(Collectors.joining(", ", "[", "]"));
    }
    if (node instanceof MappingNode mapping) {
      return mapping.getValue().stream()
          .map(tuple -> yaml(tuple.getKeyNode()) + ": " + yaml(tuple.getValueNode()))
          .collect(Collectors.joining(", ", "{", "}"));
    }
    String text = node instanceof ScalarNode scalar ? scalar.getValue() : "";
    return text.matches("[A-Za-z0-9._+@-]+") ? text : "'" + text.replace("'", "''") + "'";
  }

  Section section(String key) {
    known.add(key);
    Node value = values.get(key);
    return new Section(value, value == null ? at : value, path(key), problems);
  }

  /** A section that may be written as one plain value, which then stands under {@code shortKey}. */
  Section sectionOr(String key, String shortKey) {
    known.add(key);
    Node value = values.get(key);
    if (value instanceof ScalarNode && !isNull(value)) {
      Section section = new Section(null, value, path(key), problems);
      section.values.put(shortKey, value);
      section.keys.put(shortKey, value);
      return section;
    }
    return section(key);
  }

  /** Whether the value is one plain value and not a mapping or list. */
  boolean isScalar(String key) {
    known.add(key);
    return values.get(key) instanceof ScalarNode;
  }

  List<Section> sections(String key) {
    known.add(key);
    List<Section> sections = new ArrayList<>();
    Node value = values.get(key);
    if (value instanceof SequenceNode list) {
      for (int i = 0; i < list.getValue().size(); i++) {
        sections.add(new Section(list.getValue().get(i), path(key) + "[" + i + "]", problems));
      }
    } else if (value != null && !isNull(value)) {
      problems.add(value, path(key), "a list", describe(value));
    }
    return sections;
  }

  String text(String key, String absent) {
    String value = optionalText(key);
    return value == null ? absent : value;
  }

  /** A text that must be there; the empty string where it is not. */
  String requiredText(String key, String expected) {
    if (!has(key)) {
      missing(key, expected);
      return "";
    }
    return text(key, "");
  }

  @Nullable String optionalText(String key) {
    Node value = value(key);
    if (value == null) {
      return null;
    }
    if (!(value instanceof ScalarNode scalar)) {
      problems.add(value, path(key), "text", describe(value));
      return null;
    }
    return scalar.getValue();
  }

  int integer(String key, int absent, int min, int max) {
    Node value = value(key);
    if (value == null) {
      return absent;
    }
    String expected =
        max == Integer.MAX_VALUE
            ? "a whole number of at least " + min
            : "a whole number from %d to %d".formatted(min, max);
    if (value instanceof ScalarNode scalar) {
      try {
        int number = Integer.parseInt(scalar.getValue().replace("_", ""));
        if (number >= min && number <= max) {
          return number;
        }
      } catch (NumberFormatException notWhole) {
        // Noted below, as any other value that does not fit.
      }
    }
    problems.add(value, path(key), expected, describe(value));
    return absent;
  }

  /** A whole number, or a word that stands for one. */
  int countOr(String key, String word, int meaning, int absent, int max) {
    Node value = value(key);
    if (value == null) {
      return absent;
    }
    if (value instanceof ScalarNode scalar) {
      if (scalar.getValue().equals(word)) {
        return meaning;
      }
      try {
        int number = Integer.parseInt(scalar.getValue());
        if (number >= 1 && number <= max) {
          return number;
        }
      } catch (NumberFormatException notWhole) {
        // Noted below, as any other value that does not fit.
      }
    }
    problems.add(
        value,
        path(key),
        "a whole number from 1 to %d, or %s".formatted(max, word),
        describe(value));
    return absent;
  }

  long seed(String key, long absent) {
    Node value = value(key);
    if (value == null) {
      return absent;
    }
    if (value instanceof ScalarNode scalar) {
      try {
        return Long.parseLong(scalar.getValue());
      } catch (NumberFormatException notWhole) {
        // Noted below.
      }
    }
    problems.add(value, path(key), "a whole number", describe(value));
    return absent;
  }

  /** A number of bytes, plain or with a unit such as {@code 500 MB}; units are powers of 1000. */
  long bytes(String key, long absent) {
    Node value = value(key);
    if (value == null) {
      return absent;
    }
    if (value instanceof ScalarNode scalar) {
      Matcher matcher = BYTES.matcher(scalar.getValue().replace("_", "").strip());
      if (matcher.matches()) {
        int unit = UNITS.indexOf(matcher.group(2).toUpperCase(Locale.ROOT));
        BigInteger bytes =
            new BigDecimal(matcher.group(1)).scaleByPowerOfTen(3 * unit).toBigInteger();
        if (bytes.bitLength() < Long.SIZE) {
          return bytes.longValue();
        }
      }
    }
    problems.add(value, path(key), "bytes, such as 500 MB or 2 GB", describe(value));
    return absent;
  }

  double number(String key, double absent, Range range) {
    Node value = value(key);
    if (value == null) {
      return absent;
    }
    if (value instanceof ScalarNode scalar) {
      try {
        double number = Double.parseDouble(scalar.getValue());
        if (range.holds(number)) {
          return number;
        }
      } catch (NumberFormatException notOne) {
        // Noted below.
      }
    }
    problems.add(value, path(key), "a number " + range.text(), describe(value));
    return absent;
  }

  boolean flag(String key, boolean absent) {
    Node value = value(key);
    if (value == null) {
      return absent;
    }
    if (value instanceof ScalarNode scalar) {
      switch (scalar.getValue().toLowerCase(Locale.ROOT)) {
        case "true", "yes", "on" -> {
          return true;
        }
        case "false", "no", "off" -> {
          return false;
        }
        default -> {}
      }
    }
    problems.add(value, path(key), "true or false", describe(value));
    return absent;
  }

  <E extends Enum<E>> E choice(String key, E absent) {
    return choice(key, absent, List.of(absent.getDeclaringClass().getEnumConstants()));
  }

  <E extends Enum<E>> E choice(String key, E absent, List<E> allowed) {
    String name = choice(key, name(absent), allowed.stream().map(Section::name).toList());
    return allowed.stream().filter(c -> name(c).equals(name)).findFirst().orElse(absent);
  }

  String choice(String key, String absent, List<String> allowed) {
    Node value = value(key);
    if (value == null) {
      return absent;
    }
    if (value instanceof ScalarNode scalar) {
      String found = scalar.getValue().toLowerCase(Locale.ROOT);
      if (allowed.contains(found)) {
        return found;
      }
    }
    String expected = allowed.size() == 1 ? "" : "one of ";
    problems.add(value, path(key), expected + String.join(", ", allowed), describe(value));
    return absent;
  }

  List<Integer> integers(String key, List<Integer> absent, int min, int max) {
    Node value = value(key);
    if (value == null) {
      return absent;
    }
    List<Integer> numbers = new ArrayList<>();
    for (String text : texts(key, List.of())) {
      try {
        int number = Integer.parseInt(text);
        if (number >= min && number <= max) {
          numbers.add(number);
          continue;
        }
      } catch (NumberFormatException notWhole) {
        // Noted below.
      }
      problems.add(
          value, path(key), "whole numbers from %d to %d".formatted(min, max), "'" + text + "'");
    }
    return numbers;
  }

  List<String> texts(String key, List<String> absent) {
    Node value = value(key);
    if (value == null) {
      return absent;
    }
    if (!(value instanceof SequenceNode list)) {
      problems.add(value, path(key), "a list", describe(value));
      return absent;
    }
    List<String> texts = new ArrayList<>();
    for (Node element : list.getValue()) {
      if (element instanceof ScalarNode scalar) {
        texts.add(scalar.getValue());
      } else {
        problems.add(element, path(key), "a list of plain values", describe(element));
      }
    }
    return texts;
  }

  /** Notes a problem with the value of a key, or where the key would stand if it is absent. */
  void problem(String key, String expected, String found) {
    Node value = values.get(key);
    problems.add(value == null ? at : value, path(key), expected, found);
  }

  void missing(String key, String expected) {
    problems.add(at, path(key), expected, "nothing");
  }

  /** Notes every key that was never asked for. */
  void end() {
    for (Map.Entry<String, Node> entry : keys.entrySet()) {
      String key = entry.getKey();
      if (!known.contains(key)) {
        problems.add(entry.getValue(), path(key), expectedInsteadOf(key), "an unknown key");
      }
    }
  }

  static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  private String expectedInsteadOf(String key) {
    String nearest = null;
    int best = 3;
    for (String candidate : known) {
      boolean longer = key.startsWith(candidate + "_") || candidate.startsWith(key + "_");
      int distance = longer ? 2 : distance(key, candidate);
      if (distance < best) {
        best = distance;
        nearest = candidate;
      }
    }
    if (nearest != null) {
      return nearest;
    }
    return "one of " + String.join(", ", known.stream().sorted().toList());
  }

  /** Edit distance (Levenshtein 1966). */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(change, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }

  private @Nullable Node value(String key) {
    known.add(key);
    Node value = values.get(key);
    return value == null || isNull(value) ? null : value;
  }

  private String path(String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  private static boolean isNull(Node node) {
    return Tag.NULL.equals(node.getTag());
  }

  private static String describe(Node node) {
    if (node instanceof ScalarNode scalar) {
      return "'" + scalar.getValue() + "'";
    }
    return node instanceof SequenceNode ? "a list" : "keys and values";
  }

  /** Which numbers are allowed. */
  enum Range {
    FINITE("that is finite"),
    POSITIVE("above 0"),
    NOT_NEGATIVE("of at least 0"),
    OPEN_SHARE("above 0 and below 1"),
    SHARE_BELOW_ONE("of at least 0 and below 1"),
    SHARE_ABOVE_ZERO("above 0 and at most 1");

    private final String text;

    Range(String text) {
      this.text = text;
    }

    String text() {
      return text;
    }

    boolean holds(double number) {
      return switch (this) {
        case FINITE -> Double.isFinite(number);
        case POSITIVE -> number > 0 && number < Double.POSITIVE_INFINITY;
        case NOT_NEGATIVE -> number >= 0 && number < Double.POSITIVE_INFINITY;
        case OPEN_SHARE -> number > 0 && number < 1;
        case SHARE_BELOW_ONE -> number >= 0 && number < 1;
        case SHARE_ABOVE_ZERO -> number > 0 && number <= 1;
      };
    }
  }
}
