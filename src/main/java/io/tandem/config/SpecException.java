package io.tandem.config;

import java.util.List;

/** A specification that cannot be used: every problem found in it, at once. */
public final class SpecException extends RuntimeException {
  private final transient List<Problem> problems;

  /**
   * @param file where the specification came from
   * @param problems at least one
   */
  public SpecException(String file, List<Problem> problems) {
    super(message(file, problems));
    this.problems = List.copyOf(problems);
  }

  /** In the order of their lines. */
  public List<Problem> problems() {
    return problems;
  }

  private static String message(String file, List<Problem> problems) {
    StringBuilder text = new StringBuilder();
    text.append(problems.size() == 1 ? "1 problem in " : problems.size() + " problems in ");
    text.append(file);
    for (Problem problem : problems) {
      text.append("\n  ");
      if (problem.line() > 0) {
        text.append("line ").append(problem.line()).append(": ");
      }
      text.append(problem.key()).append(": expected ").append(problem.expected());
      text.append(", found ").append(problem.found());
    }
    return text.toString();
  }
}
