package io.tandem.report;

import io.tandem.evaluation.Metrics;
import io.tandem.training.EpochResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** How models got better from epoch to epoch: the loss, and what validation measured. */
public final class TrainingCurves {
  private final Map<String, List<EpochResult>> epochs;

  /**
   * @param epochs of each model, by its name; models without epochs are not drawn
   */
  public TrainingCurves(Map<String, List<EpochResult>> epochs) {
    this.epochs = epochs;
  }

  /** The drawings; none where no model was trained in epochs. */
  public List<Drawing> drawings() {
    List<Drawing> drawings = new ArrayList<>();
    Curves loss = new Curves("Training loss", "epoch", "loss");
    boolean any = false;
    for (Map.Entry<String, List<EpochResult>> model : epochs.entrySet()) {
      List<EpochResult> all = model.getValue();
      if (!all.isEmpty()) {
        any = true;
        loss.add(
            model.getKey(),
            all.stream().mapToDouble(EpochResult::epoch).toArray(),
            all.stream().mapToDouble(EpochResult::loss).toArray());
      }
    }
    if (any) {
      drawings.add(loss);
    }
    addValidation("recall", Metrics::recall, drawings);
    addValidation("NDCG", Metrics::ndcg, drawings);
    return drawings;
  }

  private void addValidation(
      String label, ToDoubleFunction<Metrics> value, List<Drawing> drawings) {
    Curves curves = new Curves("Validation " + label, "epoch", label);
    boolean any = false;
    for (Map.Entry<String, List<EpochResult>> model : epochs.entrySet()) {
      List<double[]> points = new ArrayList<>();
      int k = 0;
      for (EpochResult epoch : model.getValue()) {
        @Nullable Metrics validation = epoch.validation();
        if (validation != null) {
          k = validation.k();
          points.add(new double[] {epoch.epoch(), value.applyAsDouble(validation)});
        }
      }
      if (!points.isEmpty()) {
        any = true;
        curves.add(
            "%s, @%d".formatted(model.getKey(), k),
            points.stream().mapToDouble(point -> point[0]).toArray(),
            points.stream().mapToDouble(point -> point[1]).toArray());
      }
    }
    if (any) {
      drawings.add(curves);
    }
  }
}
