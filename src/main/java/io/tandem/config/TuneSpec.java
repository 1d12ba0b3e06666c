package io.tandem.config;

import java.util.List;

/**
 * Which values of a specification a search may try: its {@code tune} section, such as
 *
 * <pre>{@code
 * tune:
 *   model.dim: [32, 64, 128]
 *   training.temperature: {from: 0.02, to: 0.5, scale: log}
 * }</pre>
 *
 * @param parameters in the order of the file; empty where there is no such section
 */
public record TuneSpec(List<Parameter> parameters) {
  public TuneSpec {
    parameters = List.copyOf(parameters);
  }

  /**
   * One value that is searched for.
   *
   * @param key dotted, as it overrides the specification
   */
  public record Parameter(String key, Values values) {}

  /** What a parameter may be. */
  public sealed interface Values {}

  /**
   * Any of some values.
   *
   * @param values as YAML on one line, at least one
   */
  public record Choices(List<String> values) implements Values {
    public Choices {
      values = List.copyOf(values);
    }
  }

  /**
   * Any number between two, both included.
   *
   * @param from below {@code to}; above 0 on a logarithmic scale
   */
  public record Interval(double from, double to, Scale scale, Numbers numbers) implements Values {}

  /** On what scale every stretch of an interval is equally likely. */
  public enum Scale {
    LINEAR,
    LOG
  }

  /** Which numbers of an interval. */
  public enum Numbers {
    REAL,
    WHOLE
  }
}
