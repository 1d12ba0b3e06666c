package io.tandem.rebuild;

import io.tandem.artifact.Manifest.Gate;
import io.tandem.artifact.Manifest.Rebuilt;
import io.tandem.artifact.Manifest.Verdict;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a rebuild came to; as JSON it is {@code report.json}.
 *
 * @param run name of the run's folder of reports
 * @param started UTC, ISO 8601
 * @param before id of the version that was current
 * @param version id of the version that was published, or of the candidate that was not; null where
 *     it did not come that far
 * @param failure why it failed; null where it did not
 * @param steps that were done, in order
 * @param gates in order; empty where it did not come that far
 * @param pruned ids of what was deleted
 */
public record RebuildResult(
    String store,
    String run,
    String started,
    double seconds,
    Outcome outcome,
    @Nullable String before,
    @Nullable String version,
    @Nullable String failure,
    @Nullable Rebuilt items,
    List<Step.Done> steps,
    List<Gate> gates,
    @Nullable VectorHealth vectorsBefore,
    @Nullable VectorHealth vectorsAfter,
    @Nullable Probes probes,
    List<String> pruned) {
  public RebuildResult {
    steps = List.copyOf(steps);
    gates = List.copyOf(gates);
    pruned = List.copyOf(pruned);
  }

  /** How a rebuild may end. */
  public enum Outcome {
    PUBLISHED,
    /** A gate refused; the version that was current still is. */
    REFUSED,
    /** Something went wrong; the version that was current still is. */
    FAILED
  }

  /** The gates that refused and were not overruled. */
  public List<Gate> refused() {
    return gates.stream().filter(gate -> gate.verdict() == Verdict.REFUSED).toList();
  }
}
