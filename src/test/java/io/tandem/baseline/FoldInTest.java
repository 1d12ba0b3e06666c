package io.tandem.baseline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.baseline.ImplicitAls.Next;
import io.tandem.baseline.ImplicitAls.Settings;
import io.tandem.baseline.ImplicitAls.State;
import io.tandem.data.Interactions;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class FoldInTest {
  private static final int ITEMS = 90;

  private final Interactions train = DenseAls.random(50, ITEMS, 60, 11, 0.5f, 1, 3);

  private static Settings settings(int dim) {
    return new Settings(dim, 3, 0.1, 0.01, 1, 0.5, 7, 2);
  }

  private static State train(ImplicitAls als) {
    return als.train(als.start(), (progress, state) -> Next.CONTINUE);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 32, 100})
  void theItemsOfAKnownQueryGiveTheVectorThatTrainingGaveIt(int dim) {
    ImplicitAls als = new ImplicitAls(train, ITEMS, settings(dim));
    State state = als.solveQueries(train(als));
    FoldIn foldIn = als.foldIn(state);

    for (int query = 0; query < train.queries(); query++) {
      int[] items = new int[train.count(query)];
      float[] weights = new float[items.length];
      for (int i = 0; i < items.length; i++) {
        items[i] = train.item(train.start(query) + i);
        weights[i] = train.weight(train.start(query) + i);
      }
      assertThat(foldIn.vector(items, weights))
          .containsExactly(
              Arrays.copyOfRange(state.queries(), query * dim, (query + 1) * dim), within(1e-4f));
    }
  }

  @Test
  void weightsOfARepeatedItemAddUpAndTheirOrderDoesNotMatter() {
    ImplicitAls als = new ImplicitAls(train, ITEMS, settings(8));
    FoldIn foldIn = als.foldIn(train(als));

    float[] once = foldIn.vector(new int[] {4, 60}, new float[] {3, 1});

    assertThat(foldIn.vector(new int[] {60, 4, 4, 7}, new float[] {1, 2, 1, 0})).isEqualTo(once);
    assertThat(foldIn.vector(new int[] {4, 60}, null)).isNotEqualTo(once);
    assertThat(foldIn.vector(new int[] {4, 60}, null))
        .isEqualTo(foldIn.vector(new int[] {4, 60}, new float[] {1, 1}));
  }

  @Test
  void aQueryWithoutItemsGetsTheZeroVector() {
    ImplicitAls als = new ImplicitAls(train, ITEMS, settings(3));
    FoldIn foldIn = als.foldIn(train(als));

    assertThat(foldIn.vector(new int[0], null)).containsExactly(0, 0, 0);
    assertThat(foldIn.vector(new int[] {1}, new float[] {0})).containsExactly(0, 0, 0);
  }

  @Test
  void reusedBuffersKeepNothingOfTheQueryBefore() {
    ImplicitAls als = new ImplicitAls(train, ITEMS, settings(6));
    FoldIn foldIn = als.foldIn(train(als));
    FoldIn.Scratch scratch = foldIn.scratch();
    float[] target = new float[6];
    int[] many = new int[200];
    Arrays.setAll(many, i -> i % ITEMS);

    foldIn.solve(many, null, 200, scratch, target);
    foldIn.solve(new int[] {3, 9, 9}, null, 2, scratch, target);

    assertThat(target).isEqualTo(foldIn.vector(new int[] {3, 9}, null));
  }

  @Test
  void whatDoesNotFitIsRefused() {
    FoldIn foldIn = FoldIn.of(new float[10], 5, settings(2));
    FoldIn.Scratch scratch = foldIn.scratch();

    assertThatThrownBy(() -> foldIn.vector(new int[] {0, 5}, null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("item 5 at place 1, but items are 0 to 4");
    assertThatThrownBy(() -> foldIn.vector(new int[] {0}, new float[] {-1}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("weight -1.0 at place 0 must be finite and >= 0");
    assertThatThrownBy(() -> foldIn.vector(new int[] {0, 1}, new float[] {1}))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> foldIn.solve(new int[] {0}, null, 1, scratch, new float[1]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("a target of 1");
    assertThatThrownBy(() -> FoldIn.of(new float[9], 5, settings(2)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("expected 5 items of dim 2, found 9 numbers");
  }
}
