package io.tandem.loss;

/** The losses by their definitions, term by term in double precision. */
final class CandidateLossReference {
  private CandidateLossReference() {}

  /** Softmax cross-entropy. */
  static double softmax(
      double[][] u,
      double[][] v,
      Targets targets,
      Candidates candidates,
      double temperature,
      double smoothing) {
    return mean(
        targets, row -> softmaxRow(u[row], v, row, targets, candidates, temperature, smoothing));
  }

  /** Cosine contrastive loss. */
  static double contrastive(
      double[][] u,
      double[][] v,
      Targets targets,
      Candidates candidates,
      double margin,
      double weight) {
    return mean(
        targets, row -> contrastiveRow(u[row], v, row, targets, candidates, margin, weight));
  }

  private interface OfRow {
    double loss(int row);
  }

  private static double mean(Targets targets, OfRow ofRow) {
    double loss = 0;
    double weights = 0;
    for (int row = 0; row < targets.rows(); row++) {
      float[] given = targets.weights();
      double weight = given == null ? 1 : given[row];
      weights += weight;
      boolean empty = targets.offsets()[row] == targets.offsets()[row + 1];
      loss += empty ? 0 : weight * ofRow.loss(row);
    }
    return weights == 0 ? 0 : loss / weights;
  }

  private static double softmaxRow(
      double[] u,
      double[][] v,
      int row,
      Targets targets,
      Candidates candidates,
      double temperature,
      double smoothing) {
    boolean masked = candidates.accidentalHits() == Candidates.AccidentalHits.MASKED;
    double denominator = 0;
    double target = 0;
    double even = 0;
    int valid = 0;
    for (int j = 0; j < v.length; j++) {
      double share = share(targets, row, j);
      boolean sameItem = isTargetItem(targets, candidates, row, candidates.items()[j]);
      if (masked && sameItem && share == 0) {
        continue;
      }
      float[] logQ = candidates.logQ();
      double logit = dot(u, v[j]) / temperature - (logQ == null ? 0 : logQ[j]);
      double count = candidates.counts()[j];
      if (share > 0 && (masked || count == 0)) {
        count = 1;
      }
      target += share * logit;
      denominator += count * Math.exp(logit);
      if (count > 0) {
        valid++;
        even += logit + Math.log(count);
      }
    }
    return Math.log(denominator) - (1 - smoothing) * target - smoothing * even / valid;
  }

  private static double contrastiveRow(
      double[] u,
      double[][] v,
      int row,
      Targets targets,
      Candidates candidates,
      double margin,
      double weight) {
    boolean masked = candidates.accidentalHits() == Candidates.AccidentalHits.MASKED;
    double loss = 0;
    double above = 0;
    double draws = 0;
    for (int j = 0; j < v.length; j++) {
      double cosine = dot(u, v[j]);
      double share = share(targets, row, j);
      loss += share * (1 - cosine);
      if (masked && isTargetItem(targets, candidates, row, candidates.items()[j])) {
        continue;
      }
      above += candidates.counts()[j] * Math.max(0, cosine - margin);
      draws += candidates.counts()[j];
    }
    return loss + (draws == 0 ? 0 : weight * above / draws);
  }

  private static double share(Targets targets, int row, int column) {
    for (int i = targets.offsets()[row]; i < targets.offsets()[row + 1]; i++) {
      if (targets.columns()[i] == column) {
        return targets.shares()[i];
      }
    }
    return 0;
  }

  private static boolean isTargetItem(Targets targets, Candidates candidates, int row, int item) {
    for (int i = targets.offsets()[row]; i < targets.offsets()[row + 1]; i++) {
      if (candidates.items()[targets.columns()[i]] == item) {
        return true;
      }
    }
    return false;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
