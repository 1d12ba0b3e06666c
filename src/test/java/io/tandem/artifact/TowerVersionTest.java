package io.tandem.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.ModelSpec;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.tower.ExportedTower;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TowerVersionTest {

  @Test
  void everyItemIsIndexedUnderItsOwnKey(@TempDir Path folder) throws IOException {
    Version version = publish(folder);
    ModelSpec spec = TestModels.towerSpec(folder, "{type: flat}");
    try (OpenVersion open = version.open();
        Dataset dataset = DatasetReader.read(spec.data())) {
      assertThat(version.manifest().model()).isEqualTo("two_tower");
      assertThat(open.querySide()).isNotNull();
      Features features = Features.open(version.folder().resolve("features"));
      ExportedTower items =
          ExportedTower.open(
              version.folder().resolve("towers"), ExportedTower.Side.ITEM, features.itemSchema());
      FeatureBatch batch = features.items().encodeAll(dataset.items());
      float[] expected = new float[8];
      float[] found = new float[8];
      for (int row = 0; row < batch.rows(); row += 37) {
        items.embed(batch, row, items.scratch(), expected);
        open.index().vector(row, found);
        assertThat(found).containsExactly(expected, Offset.offset(1e-5f));
        assertThat(open.items().key(row)).isEqualTo(dataset.itemKeys().key(row));
      }
    }
  }

  @Test
  void aFlippedByteIsRefusedInEveryFile(@TempDir Path folder) throws IOException {
    Version version = publish(folder);
    Store store = Store.open(folder.resolve("store"));
    for (Path file : Checksums.files(version.folder())) {
      byte[] bytes = Files.readAllBytes(file);
      byte[] flipped = bytes.clone();
      flipped[bytes.length / 3] ^= 8;
      Files.write(file, flipped);
      assertThatThrownBy(() -> store.current().open())
          .isInstanceOf(ArtifactException.class)
          .hasMessageContaining(file + ": expected SHA-256 ");
      Files.write(file, bytes);
    }
    store.current().open().close();
  }

  @Test
  void towersOfAnotherDimensionThanTheSpecificationAreNotPublished(@TempDir Path folder)
      throws IOException {
    ModelSpec spec = TestModels.towerSpec(folder, "{type: flat}");
    Store store = Store.create(folder.resolve("store"));
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      Features features = Features.fit(spec.features(), spec.data(), dataset);
      Path towers = TestModels.export(folder, features, spec, 5);
      Publisher.Towers model = new Publisher.Towers(features, towers);
      assertThatThrownBy(() -> Publisher.publish(store, spec, model, dataset, Map.of(), 1))
          .isInstanceOf(ArtifactException.class)
          .hasMessageContaining("expected item tower of dimension 8, found 5");
    }
    assertThat(store.versions()).isEmpty();
    assertThat(folder.resolve("store/versions")).isEmptyDirectory();
  }

  @Test
  void anIndexOfAnotherDimensionThanTheQueryTowerIsRefused(@TempDir Path folder)
      throws IOException {
    Version version = publish(folder);
    Manifest m = version.manifest();
    Manifest wider =
        new Manifest(
            m.format(),
            m.created(),
            m.itemsAsOf(),
            m.parent(),
            m.spec(),
            m.model(),
            m.items(),
            9,
            m.queryKey(),
            m.itemKey(),
            m.attributes(),
            m.index(),
            m.metrics(),
            m.rebuilt(),
            m.gates(),
            m.files());
    assertThatThrownBy(() -> new Version(version.id(), version.folder(), wider).open())
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining(
            "items.faiss: expected item vectors of dimension 8"
                + " to go with a query tower of dimension 8, found 9");
  }

  private static Version publish(Path folder) throws IOException {
    return TestModels.publishTowers(folder, Store.create(folder.resolve("store")), "{type: flat}");
  }
}
