package io.tandem.tower;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.config.FeatureSpec.Pooling;
import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.data.DataException;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.Slot;
import io.tandem.feature.InputSchema.TableShape;
import io.tandem.loss.CandidateLoss;
import io.tandem.loss.Candidates;
import io.tandem.loss.Targets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class TowerModelTest {
  private static final TableShape ITEMS = new TableShape("item.id", 50, 6);
  private static final InputSchema QUERY =
      new InputSchema(
          List.of(
              new Slot("history", ITEMS, Pooling.MEAN),
              new Slot("user", new TableShape("query.user", 20, 4), Pooling.SUM)),
          1);
  private static final InputSchema ITEM =
      new InputSchema(
          List.of(
              new Slot("id", ITEMS, Pooling.MEAN),
              new Slot("genres", new TableShape("item.genres", 8, 3), Pooling.SUM)),
          2);

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"ROWWISE_ADAGRAD, 0.1", "ADAM, 0.01"})
  void trainingLowersTheLoss(Optimizer.Sparse sparse, double rate) {
    TowerModel model =
        model(Activation.RELU, true, 0, new Optimizer(Optimizer.Dense.ADAM, sparse, 0.01, rate));
    double first = step(model, 1);
    double last = 0;
    for (int i = 0; i < 100; i++) {
      last = step(model, 1);
    }

    assertThat(last).isLessThan(first / 4);
  }

  @ParameterizedTest
  @EnumSource(Activation.class)
  void exportedTowersGiveTheNetworksOutput(Activation activation) throws Exception {
    int rows = 1100; // more than two blocks, the last of them partly filled
    for (boolean normalize : new boolean[] {true, false}) {
      Path target = Files.createDirectory(folder.resolve("export-" + normalize));
      TowerModel model = model(activation, normalize, 0.2, adam());
      step(model, 1);
      model.export(target);
      FeatureBatch items = batch(ITEM, rows, 2);
      float[] expected = new float[rows * 5];
      model.embedItems(items, expected);

      ExportedTower tower = ExportedTower.open(target, ExportedTower.Side.ITEM, ITEM);
      float[] all = new float[rows * 5];
      tower.embedAll(items, 2, all);
      float[] one = new float[5];
      ExportedTower.Scratch scratch = tower.scratch();

      assertThat(all).containsExactly(expected, within(1e-5f));
      for (int row = 0; row < rows; row++) {
        tower.embed(items, row, scratch, one);
        for (int i = 0; i < 5; i++) {
          assertThat(one[i]).isCloseTo(expected[row * 5 + i], within(1e-5f));
        }
      }
    }
  }

  /** With dropout the network's own passes run, without it ours do. */
  @ParameterizedTest
  @CsvSource({"ROWWISE_ADAGRAD, 0", "ROWWISE_ADAGRAD, 0.3", "ADAM, 0", "ADAM, 0.3"})
  void continuingFromACheckpointEqualsNotStopping(Optimizer.Sparse sparse, double dropout) {
    Optimizer optimizer = new Optimizer(Optimizer.Dense.ADAM, sparse, 0.01, 0.05);
    TowerModel unbroken = model(Activation.RELU, true, dropout, optimizer);
    TowerModel stopped = model(Activation.RELU, true, dropout, optimizer);
    for (int i = 0; i < 3; i++) {
      step(unbroken, i);
      step(stopped, i);
    }
    stopped.writeCheckpoint(folder);
    TowerModel continued = model(Activation.RELU, true, dropout, optimizer);
    continued.readCheckpoint(folder);
    for (int i = 3; i < 6; i++) {
      step(unbroken, i);
      step(continued, i);
    }

    assertThat(queries(continued)).isEqualTo(queries(unbroken));
  }

  @Test
  void parametersMoveAgainstTheNumericalGradient() {
    // With plain SGD of rate 1 a step is the gradient, which must lower the loss as predicted.
    Optimizer tiny =
        new Optimizer(Optimizer.Dense.SGD, Optimizer.Sparse.ROWWISE_ADAGRAD, 1e-2, 1e-12);
    TowerModel model = model(Activation.TANH, true, 0, tiny);
    FeatureBatch queries = batch(QUERY, 12, 4);
    FeatureBatch items = batch(ITEM, 12, 5);
    double before = loss(model, queries, items, true);
    double after = loss(model, queries, items, false);

    assertThat(after).isLessThan(before);
  }

  @Test
  void onlyTouchedRowsMove() {
    EmbeddingTable table = new EmbeddingTable(ITEMS, adam(), 7);
    float[] before = rows(table);
    RowGradients gradients = new RowGradients(6);
    float[] gradient = {1, 2, 3, 4, 5, 6};
    gradients.add(3, 1, gradient, 0);
    gradients.add(9, 0.5f, gradient, 0);
    gradients.add(3, 1, gradient, 0);
    table.step(gradients, 1);
    float[] after = rows(table);

    double square = (4 + 16 + 36 + 64 + 100 + 144) / 6.0;
    for (int row = 0; row < 50; row++) {
      for (int i = 0; i < 6; i++) {
        double expected = before[row * 6 + i];
        if (row == 3) {
          expected -= 0.05 * 2 * gradient[i] / Math.sqrt(square);
        } else if (row == 9) {
          expected -= 0.05 * 0.5 * gradient[i] / Math.sqrt(square / 16);
        }
        assertThat((double) after[row * 6 + i]).isCloseTo(expected, within(1e-5));
      }
    }
  }

  @Test
  void equalSeedsGiveEqualTowers() {
    assertThat(queries(model(Activation.RELU, true, 0, adam())))
        .isEqualTo(queries(model(Activation.RELU, true, 0, adam())));
  }

  @Test
  void towersOfManyOrNoHiddenLayersTrain() throws Exception {
    for (List<Integer> hidden : List.of(List.<Integer>of(), List.of(7, 6, 5))) {
      TowerShape query =
          new TowerShape(QUERY, Combine.CONCAT, hidden, 5, Activation.RELU, 0, 1e-4, false);
      TowerShape item =
          new TowerShape(ITEM, Combine.CONCAT, List.of(), 5, Activation.RELU, 0, 0, false);
      TowerModel model = TowerModel.create(query, item, adam(), 1);
      double first = step(model, 1);
      for (int i = 0; i < 50; i++) {
        step(model, 1);
      }
      assertThat(step(model, 1)).isLessThan(first);
    }
  }

  @Test
  void damagedOrForeignExportsAreRefused() throws Exception {
    model(Activation.RELU, true, 0, adam()).export(folder);
    Path table = folder.resolve("item.genres.table");
    byte[] bytes = Files.readAllBytes(table);
    Files.write(table, java.util.Arrays.copyOf(bytes, bytes.length - 4));
    assertThatThrownBy(() -> ExportedTower.open(folder, ExportedTower.Side.ITEM, ITEM))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("item.genres.table")
        .hasMessageContaining("expected 112");
    Path weights = folder.resolve("query.weights");
    Files.write(weights, new byte[100]);
    assertThatThrownBy(() -> ExportedTower.open(folder, ExportedTower.Side.QUERY, QUERY))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("not a tower's weights");
  }

  private static Optimizer adam() {
    return new Optimizer(Optimizer.Dense.ADAM, Optimizer.Sparse.ROWWISE_ADAGRAD, 0.01, 0.05);
  }

  private static TowerModel model(
      Activation activation, boolean normalize, double dropout, Optimizer optimizer) {
    TowerShape query =
        new TowerShape(QUERY, Combine.CONCAT, List.of(9), 5, activation, dropout, 0, normalize);
    TowerShape item =
        new TowerShape(ITEM, Combine.CONCAT, List.of(8, 7), 5, activation, dropout, 0, normalize);
    return TowerModel.create(query, item, optimizer, 11);
  }

  private static double step(TowerModel model, int seed) {
    return loss(model, batch(QUERY, 16, seed), batch(ITEM, 16, seed + 100), true);
  }

  private static double loss(
      TowerModel model, FeatureBatch queries, FeatureBatch items, boolean step) {
    INDArray u = model.forwardQueries(queries);
    INDArray v = model.forwardItems(items);
    INDArray gradU = Nd4j.create(DataType.FLOAT, u.shape());
    INDArray gradV = Nd4j.create(DataType.FLOAT, v.shape());
    int[] ids = new int[queries.rows()];
    java.util.Arrays.setAll(ids, i -> i);
    double loss =
        CandidateLoss.softmax(0)
            .compute(u, v, Targets.single(ids, null), Candidates.all(ids.length), 0.2, gradU, gradV)
            .loss();
    if (step) {
      model.step(gradU, gradV, 1);
    }
    return loss;
  }

  private static float[] queries(TowerModel model) {
    float[] embedded = new float[30 * 5];
    model.embedQueries(batch(QUERY, 30, 9), embedded);
    return embedded;
  }

  private static float[] rows(EmbeddingTable table) {
    TableShape shape = table.shape();
    float[] rows = new float[shape.rows() * shape.dim()];
    for (int row = 0; row < shape.rows(); row++) {
      table.addRow(row, 1, rows, row * shape.dim());
    }
    return rows;
  }

  private static FeatureBatch batch(InputSchema schema, int rows, int seed) {
    Random random = new Random(seed);
    FeatureBatch batch = new FeatureBatch(schema);
    for (int row = 0; row < rows; row++) {
      for (int slot = 0; slot < schema.slots().size(); slot++) {
        for (int i = random.nextInt(4); i > 0; i--) {
          batch.add(slot, random.nextInt(schema.slots().get(slot).table().rows()));
        }
        batch.endSlot(slot);
      }
      for (int i = 0; i < schema.denseWidth(); i++) {
        batch.addDense((float) random.nextGaussian());
      }
      batch.endRow();
    }
    return batch;
  }
}
