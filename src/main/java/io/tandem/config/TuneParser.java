package io.tandem.config;

import io.tandem.config.Section.Range;
import io.tandem.config.TuneSpec.Choices;
import io.tandem.config.TuneSpec.Interval;
import io.tandem.config.TuneSpec.Numbers;
import io.tandem.config.TuneSpec.Scale;
import java.util.ArrayList;
import java.util.List;

/** Reads what a search may try. */
final class TuneParser {
  /** Trials that differ in these would not be measured alike. */
  private static final List<String> MEASURING =
      List.of("training.metric", "training.max_validation_queries", "training.refit");

  private TuneParser() {}

  static TuneSpec tune(Section section) {
    List<TuneSpec.Parameter> parameters = new ArrayList<>();
    for (String key : section.keys()) {
      if (!key.matches("(model|features|training)(\\.[a-z0-9_]+)+")) {
        section.problem(
            key, "a dotted key of model, features or training, such as model.dim", "'" + key + "'");
      } else if (MEASURING.contains(key)) {
        section.problem(key, "a key that trials may differ in", "'" + key + "'");
      }
      if (section.isList(key)) {
        List<String> values = section.yaml(key);
        if (values.isEmpty()) {
          section.problem(key, "at least one value", "none");
        }
        parameters.add(new TuneSpec.Parameter(key, new Choices(values)));
      } else if (section.isScalar(key)) {
        section.problem(key, "a list of values, or from and to", "one value");
      } else {
        parameters.add(new TuneSpec.Parameter(key, interval(section.section(key))));
      }
    }
    section.end();
    return new TuneSpec(parameters);
  }

  private static Interval interval(Section section) {
    for (String end : List.of("from", "to")) {
      if (!section.has(end)) {
        section.missing(end, "a number");
      }
    }
    double from = section.number("from", 1, Range.FINITE);
    double to = section.number("to", from + 1, Range.FINITE);
    Scale scale = section.choice("scale", Scale.LINEAR);
    Numbers numbers = section.flag("integer", false) ? Numbers.WHOLE : Numbers.REAL;
    if (from >= to) {
      section.problem("to", "a number above from: " + from, Double.toString(to));
    }
    if (scale == Scale.LOG && from <= 0) {
      section.problem("from", "a number above 0 beside scale: log", Double.toString(from));
    }
    if (numbers == Numbers.WHOLE && (from != Math.rint(from) || to != Math.rint(to))) {
      section.problem("integer", "whole numbers from and to", from + " and " + to);
    }
    section.end();
    return new Interval(from, to, scale, numbers);
  }
}
