package io.tandem.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.gpu.Collective;
import io.tandem.gpu.CollectiveException;
import io.tandem.gpu.Floats;
import io.tandem.gpu.ReferenceDevice;
import io.tandem.loss.NonFiniteException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

final class RanksTest {
  private final List<ReferenceDevice> devices =
      Stream.generate(ReferenceDevice::new).limit(3).toList();
  private final Collective collective = Collective.of(devices);

  @Test
  void resultsAreInTheOrderOfRanks() {
    try (Ranks ranks = new Ranks(collective)) {
      assertThat(ranks.each(rank -> rank * 10)).containsExactly(0, 10, 20);
    }
  }

  @Test
  void whoWaitsForARankThatFailsIsWokenAndItsErrorIsTheOneThrown() {
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(30),
        () -> {
          try (Ranks ranks = new Ranks(collective)) {
            assertThatThrownBy(() -> ranks.each(this::failOnOne))
                .isInstanceOf(NonFiniteException.class)
                .hasMessage("the loss is NaN");
            assertThatThrownBy(() -> ranks.each(this::failOnOne))
                .isNotInstanceOf(CollectiveException.class);
          }
        });
  }

  private int failOnOne(int rank) {
    if (rank == 1) {
      throw new NonFiniteException("the loss is NaN");
    }
    Floats buffer = devices.get(rank).floats(6);
    collective.allReduce(rank, buffer, 6);
    return rank;
  }
}
