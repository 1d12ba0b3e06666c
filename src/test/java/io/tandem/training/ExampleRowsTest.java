package io.tandem.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.config.FeatureSpec.Pooling;
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
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  @ParameterizedTest
  @ValueSource(
      strings = {
        "examples: interactions, context: past",
        "examples: interactions, context: past, history_dropout: 0.4",
        "examples: interactions, context: others, history_dropout: 0.4",
        "examples: positions, horizon: {from: 1, to: 2}",
        "examples: queries, history_dropout: 0.4"
      })
  void whatAStepHoldsDoesNotDependOnItsChunks(String examples) throws IOException {
    TrainingConfig config = config(examples + ", batch: 500");
    Interactions train = train();
    Batch whole = batch();
    Batch chunked = batch();
    ExampleRows asWhole =
        ExampleRows.of(config, train, new HistoriesAsInputs(), 10, Integer.MAX_VALUE);
    ExampleRows inChunks = ExampleRows.of(config, train, new HistoriesAsInputs(), 10, 7);

    for (int step = 0; step < asWhole.stepsPerEpoch(); step++) {
      asWhole.fill(1, step, whole);
      inChunks.fill(1, step, chunked);

      assertThat(whole.rows()).isGreaterThan(7);
      assertThat(inputs(chunked)).isEqualTo(inputs(whole));
      assertThat(targets(chunked)).isEqualTo(targets(whole));
      assertThat(chunked.weights).isEqualTo(whole.weights);
    }
  }

  /** Histories of 0 to 19 of 12 items. */
  private static Interactions train() {
    SplittableRandom random = new SplittableRandom(3);
    int[] offsets = new int[151];
    for (int query = 0; query < 150; query++) {
      offsets[query + 1] = offsets[query] + random.nextInt(20);
    }
    int size = offsets[150];
    float[] weights = new float[size];
    Arrays.fill(weights, 2);
    int[] items = random.ints(size, 0, 12).toArray();
    return new Interactions(offsets, items, new long[size], weights);
  }

  private static List<List<Integer>> inputs(Batch batch) {
    List<List<Integer>> rows = new ArrayList<>();
    for (int row = 0; row < batch.queries.rows(); row++) {
      List<Integer> values = new ArrayList<>();
      for (int i = batch.queries.start(0, row); i < batch.queries.end(0, row); i++) {
        values.add(batch.queries.ids(0)[i]);
      }
      rows.add(values);
    }
    return rows;
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
    TrainingConfig config = config("examples: positions, batch: 100" + horizon);
    Batch batch = batch();
    ExampleRows.of(config, TRAIN, new NoInputs(), 10).fill(1, 0, batch);
    return batch;
  }

  private static Batch batch() {
    InputSchema.TableShape table = new InputSchema.TableShape("t", 1000, 4);
    InputSchema schema =
        new InputSchema(List.of(new InputSchema.Slot("s", table, Pooling.MEAN)), 0);
    return new Batch(new FeatureBatch(schema), new FeatureBatch(schema));
  }

  private TrainingConfig config(String training) throws IOException {
    String yaml =
        """
        data: {interactions: {path: events.csv, query: q, item: i, time: t}}
        features:
          query: [{name: history, type: sequence, of: i, max_length: 10, pooling: gru}]
          item: [{name: i, type: id}]
        training: {%s}
        """
            .formatted(training);
    return SpecReader.read(Files.writeString(folder.resolve("spec.yaml"), yaml), Map.of())
        .training();
  }

  /** Targets do not depend on what the query's input is. */
  private static final class NoInputs implements EventEncoder {
    @Override
    public int longestHistory() {
      return 0;
    }

    @Override
    public void encode(int[] queries, QueryContext[] contexts, FeatureBatch target) {}

    @Override
    public void encodePositions(int query, int[] items, long[] times, FeatureBatch target) {}
  }

  /** A row's values are its query, then its history. */
  private static final class HistoriesAsInputs implements EventEncoder {
    private static final int LONGEST = 3;

    @Override
    public int longestHistory() {
      return LONGEST;
    }

    @Override
    public void encode(int[] queries, QueryContext[] contexts, FeatureBatch target) {
      for (int row = 0; row < queries.length; row++) {
        target.add(0, queries[row]);
        QueryContext context = contexts[row];
        for (int i = Math.max(context.start(), context.end() - LONGEST); i < context.end(); i++) {
          target.add(0, context.items()[i]);
        }
        target.endSlot(0);
        target.endRow();
      }
    }

    @Override
    public void encodePositions(int query, int[] items, long[] times, FeatureBatch target) {
      for (int place = 0; place < items.length; place++) {
        target.add(0, items[place]);
      }
      for (int place = 0; place < items.length; place++) {
        target.endSlot(0, target.count(0) - items.length, target.count(0) - items.length + place);
        target.endRow();
      }
      target.endSharing();
    }
  }
}
