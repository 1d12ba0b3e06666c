package io.tandem.tower;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.InputSchema;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class PassTest {

  @ParameterizedTest
  @EnumSource(Activation.class)
  void directPassesEqualDeeplearning4js(Activation activation) {
    TowerShape shape =
        new TowerShape(
            new InputSchema(List.of(), 6),
            Combine.CONCAT,
            List.of(9, 7),
            4,
            activation,
            0,
            0,
            false);
    Optimizer optimizer =
        new Optimizer(Optimizer.Dense.ADAM, Optimizer.Sparse.ROWWISE_ADAGRAD, 0.01, 0.1);
    MultiLayerNetwork reference = requireNonNull(Network.create(shape, optimizer, 3));
    MultiLayerNetwork network = requireNonNull(Network.create(shape, optimizer, 3));
    Pass expected = new NetworkPass(reference);
    Pass direct = new DirectPass(network);
    for (int rows : new int[] {11, 5}) {
      INDArray input = Nd4j.randn(DataType.FLOAT, rows, 6).dup('c');
      INDArray outputGradient = Nd4j.randn(DataType.FLOAT, rows, 4).dup('c');

      assertClose(direct.forward(input), expected.forward(input));
      assertClose(
          direct.backward(outputGradient.dup('c')), expected.backward(outputGradient.dup('c')));
      assertClose(direct.gradient().gradient(), expected.gradient().gradient());
      assertThat(direct.gradient().gradientForVariable().keySet())
          .containsExactlyInAnyOrderElementsOf(expected.gradient().gradientForVariable().keySet());
    }
  }

  private static void assertClose(INDArray found, INDArray expected) {
    assertThat(found.shape()).isEqualTo(expected.shape());
    assertThat(found.sub(expected).amaxNumber().doubleValue()).isLessThan(1e-5);
  }
}
