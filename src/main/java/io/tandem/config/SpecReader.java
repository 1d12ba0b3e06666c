package io.tandem.config;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** Reads specifications; writes them back with every default spelt out. */
public final class SpecReader {
  private SpecReader() {}

  /**
   * Reads a specification.
   *
   * @param overrides dotted keys and YAML values that replace what the file says; elements of a
   *     list go by their name, as in {@code features.query.history.pooling}
   * @throws SpecException with every problem
   */
  public static ModelSpec read(Path file, Map<String, String> overrides) {
    Problems problems = new Problems(file.toString());
    Node root = root(file, overrides, problems);
    Path folder = file.toAbsolutePath().normalize().getParent();
    SpecParser parser = new SpecParser(folder == null ? Path.of("/") : folder);
    ModelSpec spec = parser.parse(new Section(root, "", problems), name(file));
    problems.throwIfAny();
    return spec;
  }

  /**
   * Reads what a search may try; the rest of the specification is checked too.
   *
   * @param overrides dotted keys and YAML values that replace what the file says
   * @throws SpecException with every problem
   */
  public static TuneSpec readTune(Path file, Map<String, String> overrides) {
    read(file, overrides);
    Problems problems = new Problems(file.toString());
    Section root = new Section(root(file, overrides, problems), "", problems);
    return TuneParser.tune(root.section("tune"));
  }

  private static @Nullable Node root(Path file, Map<String, String> overrides, Problems problems) {
    Node root = compose(text(file, problems), problems);
    for (Map.Entry<String, String> override : overrides.entrySet()) {
      root = replaced(root, override.getKey(), override.getValue(), problems);
    }
    return root;
  }

  /**
   * The whole specification as YAML that {@link #read} takes, absolute paths and defaults included.
   */
  public static String write(ModelSpec spec) {
    DumperOptions options = new DumperOptions();
    options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
    options.setWidth(120);
    return new Yaml(options).dump(SpecWriter.tree(spec));
  }

  private static String name(Path file) {
    String name = String.valueOf(file.getFileName());
    int dot = name.lastIndexOf('.');
    return dot > 0 ? name.substring(0, dot) : name;
  }

  private static String text(Path file, Problems problems) {
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      problems.add(0, "", "text in UTF-8", "other bytes");
    } catch (IOException e) {
      String found = Files.isDirectory(file) ? "a folder" : "no readable file of this name";
      problems.add(0, "", "a specification", found);
    }
    problems.throwIfAny();
    return "";
  }

  private static @Nullable Node compose(String text, Problems problems) {
    try {
      return yaml().compose(new StringReader(text));
    } catch (MarkedYAMLException e) {
      int line = e.getProblemMark() == null ? 0 : e.getProblemMark().getLine() + 1;
      problems.add(line, "", "YAML", String.valueOf(e.getProblem()));
    } catch (YAMLException e) {
      problems.add(0, "", "YAML", String.valueOf(e.getMessage()));
    }
    problems.throwIfAny();
    return null;
  }

  private static Yaml yaml() {
    LoaderOptions options = new LoaderOptions();
    options.setMaxAliasesForCollections(0);
    return new Yaml(new SafeConstructor(options));
  }

  private static Node replaced(@Nullable Node node, String key, String value, Problems problems) {
    List<String> steps = List.of(key.split("\\.", -1));
    Node scalar;
    try {
      Node composed = yaml().compose(new StringReader(value));
      scalar = composed == null ? scalar("", problems) : composed;
    } catch (YAMLException e) {
      problems.add(0, key, "a YAML value", "'" + value + "'");
      scalar = scalar(value, problems);
    }
    problems.override(scalar);
    return put(node, steps, scalar, problems);
  }

  private static Node put(@Nullable Node node, List<String> steps, Node value, Problems problems) {
    if (steps.isEmpty()) {
      return value;
    }
    if (node instanceof SequenceNode list) {
      return putByName(list, steps, value, problems);
    }
    List<NodeTuple> tuples = new ArrayList<>();
    Node old = null;
    Node keyNode = scalar(steps.get(0), problems);
    if (node instanceof MappingNode mapping) {
      for (NodeTuple tuple : mapping.getValue()) {
        if (tuple.getKeyNode() instanceof ScalarNode key && key.getValue().equals(steps.get(0))) {
          old = tuple.getValueNode();
          keyNode = key;
        } else {
          tuples.add(tuple);
        }
      }
    }
    Node replacement = put(old, steps.subList(1, steps.size()), value, problems);
    tuples.add(new NodeTuple(keyNode, replacement));
    MappingNode mapping = new MappingNode(Tag.MAP, tuples, DumperOptions.FlowStyle.BLOCK);
    if (node == null) {
      problems.override(mapping);
      return mapping;
    }
    return new MappingNode(
        Tag.MAP,
        true,
        tuples,
        node.getStartMark(),
        node.getEndMark(),
        DumperOptions.FlowStyle.BLOCK);
  }

  /** Puts a value into the element of a list that has the first step as its name. */
  private static Node putByName(
      SequenceNode list, List<String> steps, Node value, Problems problems) {
    List<Node> elements = new ArrayList<>();
    List<String> names = new ArrayList<>();
    boolean found = false;
    for (Node element : list.getValue()) {
      String name = elementName(element);
      names.add(name);
      boolean meant = name.equals(steps.get(0));
      found |= meant;
      elements.add(meant ? put(element, steps.subList(1, steps.size()), value, problems) : element);
    }
    if (!found) {
      String expected = "the name of one in the list: " + String.join(", ", names);
      problems.add(0, steps.get(0), expected, "'" + steps.get(0) + "'");
    }
    return new SequenceNode(
        Tag.SEQ,
        true,
        elements,
        list.getStartMark(),
        list.getEndMark(),
        DumperOptions.FlowStyle.BLOCK);
  }

  private static String elementName(Node element) {
    if (element instanceof MappingNode mapping) {
      for (NodeTuple tuple : mapping.getValue()) {
        if (tuple.getKeyNode() instanceof ScalarNode key
            && key.getValue().equals("name")
            && tuple.getValueNode() instanceof ScalarNode name) {
          return name.getValue();
        }
      }
    }
    return "";
  }

  private static ScalarNode scalar(String value, Problems problems) {
    ScalarNode node = new ScalarNode(Tag.STR, value, null, null, DumperOptions.ScalarStyle.PLAIN);
    problems.override(node);
    return node;
  }
}
