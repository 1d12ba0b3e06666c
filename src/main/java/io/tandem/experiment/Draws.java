package io.tandem.experiment;

import io.tandem.config.TuneSpec;
import io.tandem.config.TuneSpec.Choices;
import io.tandem.config.TuneSpec.Interval;
import io.tandem.config.TuneSpec.Numbers;
import io.tandem.config.TuneSpec.Scale;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/** Settings drawn at random from ranges; more of them begin with the same ones. */
final class Draws {
  /** Draws without anything new after which ranges are taken to be exhausted. */
  private static final int REPEATS = 1000;

  private static final MathContext DIGITS = new MathContext(4);

  private Draws() {}

  /**
   * Different settings, by key; fewer than asked for where the ranges hold no more.
   *
   * @param ranges of at least one parameter
   */
  static List<Map<String, String>> settings(TuneSpec ranges, int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Set<Map<String, String>> drawn = new LinkedHashSet<>();
    int repeats = 0;
    while (drawn.size() < count && repeats < REPEATS) {
      Map<String, String> settings = new LinkedHashMap<>();
      for (TuneSpec.Parameter parameter : ranges.parameters()) {
        settings.put(parameter.key(), value(parameter.values(), random));
      }
      repeats = drawn.add(settings) ? 0 : repeats + 1;
    }
    return new ArrayList<>(drawn);
  }

  /** The values that a range ends with: all choices, or both ends. */
  static List<String> extremes(TuneSpec.Values values) {
    if (values instanceof Choices choices) {
      return choices.values();
    }
    if (values instanceof Interval interval) {
      return List.of(text(interval.from(), interval), text(interval.to(), interval));
    }
    throw new IllegalStateException("no way to draw from " + values);
  }

  private static String value(TuneSpec.Values values, SplittableRandom random) {
    if (values instanceof Choices choices) {
      return choices.values().get(random.nextInt(choices.values().size()));
    }
    if (values instanceof Interval interval) {
      return text(number(interval, random.nextDouble()), interval);
    }
    throw new IllegalStateException("no way to draw from " + values);
  }

  /**
   * @param share in [0, 1)
   */
  private static double number(Interval interval, double share) {
    // A whole number stands for the half before and the half after it.
    double margin = interval.numbers() == Numbers.WHOLE ? 0.5 : 0;
    double from = interval.from() - margin;
    double to = interval.to() + margin;
    return interval.scale() == Scale.LOG
        ? Math.exp(Math.log(from) + share * (Math.log(to) - Math.log(from)))
        : from + share * (to - from);
  }

  private static String text(double number, Interval interval) {
    double within = Math.min(interval.to(), Math.max(interval.from(), number));
    if (interval.numbers() == Numbers.WHOLE) {
      return Long.toString(Math.round(within));
    }
    double rounded = new BigDecimal(within).round(DIGITS).doubleValue();
    boolean fits = rounded >= interval.from() && rounded <= interval.to();
    return Double.toString(fits ? rounded : within);
  }
}
