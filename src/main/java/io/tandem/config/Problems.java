package io.tandem.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.CollectionNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;

/** Collects what is wrong, to be thrown once. */
final class Problems {
  private final String file;
  private final Set<Node> overrides = Collections.newSetFromMap(new IdentityHashMap<>());
  private final List<Problem> found = new ArrayList<>();

  Problems(String file) {
    this.file = file;
  }

  /** A node that no line of the file is to blame for. */
  void override(Node node) {
    overrides.add(node);
    if (node instanceof CollectionNode<?> collection) {
      for (Object element : collection.getValue()) {
        if (element instanceof NodeTuple tuple) {
          override(tuple.getKeyNode());
          override(tuple.getValueNode());
        } else if (element instanceof Node inner) {
          override(inner);
        }
      }
    }
  }

  void add(@Nullable Node at, String key, String expected, String what) {
    int line = at == null || overrides.contains(at) ? 0 : at.getStartMark().getLine() + 1;
    add(line, key, expected, what);
  }

  void add(int line, String key, String expected, String what) {
    found.add(new Problem(line, key.isEmpty() ? "the file" : key, expected, what));
  }

  void throwIfAny() {
    if (!found.isEmpty()) {
      found.sort(Comparator.comparingInt(Problem::line));
      throw new SpecException(file, found);
    }
  }
}
