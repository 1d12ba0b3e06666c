package io.tandem.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.config.SpecReader;
import io.tandem.config.TrainingConfig;
import io.tandem.data.Interactions;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.feature.QueryContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ExampleRowsTest {
  /** One query that went through items 4, 7, 7, 2. */
  private static final Interactions TRAIN =
      new Interactions(new int[] {0, 4}, new int[] {4, 7, 7, 2}, new long[4], new float[0]);

  @TempDir Path folder;

  @Test
  void aPositionFindsTheNextItem() throws IOException {
    Batch batch = batch("");

    assertThat(targets(batch))
        .containsExactly(List.of("4:1.0"), List.of("7:1.0"), List.of("7:1.0"), List.of("2:1.0"));
    assertThat(batch.weights).isNull();
  }

  @Test
  void aHorizonSharesTheTargetAmongLaterItems() throws IOException {
    Batch batch = batch(", horizon: {from: 1, to: 2}");

    assertThat(targets(batch))
        .containsExactly(
            List.of("4:0.5", "7:0.5"),
            List.of("7:1.0"),
            List.of("7:0.5", "2:0.5"),
            List.of("2:1.0"));
    assertThat(batch.weights).containsExactly(1, 1, 1, 1);
  }

  @Test
  void aPositionWithNothingInItsHorizonWeighsNothing() throws IOException {
    Batch batch = batch(", horizon: {from: 2, to: 3}");

    assertThat(targets(batch))
        .containsExactly(List.of("7:1.0"), List.of("7:0.5", "2:0.5"), List.of("2:1.0"), List.of());
    assertThat(batch.weights).containsExactly(1, 1, 1, 0);
  }

  private static List<List<String>> targets(Batch batch) {
    List<List<String>> rows = new ArrayList<>();
    for (int row = 0; row < batch.rows(); row++) {
      List<String> targets = new ArrayList<>();
      for (int i = batch.offsets[row]; i < batch.offsets[row + 1]; i++) {
        targets.add(batch.targets[i] + ":" + batch.shares[i]);
      }
      rows.add(targets);
    }
    return rows;
  }

  private Batch batch(String horizon) throws IOException {
    Path file = folder.resolve("spec.yaml");
    Files.writeString(
        file,
        """
        data: {interactions: {path: events.csv, query: q, item: i, time: t}}
        features:
          query: [{name: history, type: sequence, of: i, max_length: 10, pooling: gru}]
          item: [{name: i, type: id}]
        training: {examples: positions, batch: 100%s}
        """
            .formatted(horizon));
    TrainingConfig config = SpecReader.read(file, java.util.Map.of()).training();
    InputSchema none = new InputSchema(List.of(), 0);
    Batch batch = new Batch(new FeatureBatch(none), new FeatureBatch(none));
    ExampleRows.of(config, TRAIN, new NoInputs(), 10).fill(1, 0, batch);
    return batch;
  }

  /** Targets do not depend on what the query's input is. */
  private static final class NoInputs implements EventEncoder {
    @Override
    public void encode(int query, QueryContext context, FeatureBatch target) {}

    @Override
    public void encodePositions(
        int query, int[] items, long[] times, int from, int to, FeatureBatch target) {}
  }
}
