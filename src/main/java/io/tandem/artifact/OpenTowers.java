package io.tandem.artifact;

import io.tandem.artifact.Manifest.FileInfo;
import io.tandem.data.DataException;
import io.tandem.feature.Features;
import io.tandem.tower.ExportedTower;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The towers of a version without its index: what embedding needs, at little memory. Immutable;
 * safe for any number of threads.
 *
 * @param features encoders of both sides
 */
public record OpenTowers(Features features, ExportedTower items, ExportedTower queries) {

  /**
   * Verifies the files of features and towers and opens them.
   *
   * @throws ArtifactException if one is missing or damaged, or the version has no towers
   */
  public static OpenTowers open(Version version) {
    Manifest manifest = version.manifest();
    Path folder = version.folder();
    if (!manifest.model().equals(Publisher.TWO_TOWER)) {
      throw ArtifactException.of(
          folder.resolve(Version.MANIFEST), "model " + Publisher.TWO_TOWER, manifest.model());
    }
    SortedMap<String, FileInfo> files = new TreeMap<>(manifest.files());
    files.keySet().removeIf(name -> !isOf(Version.FEATURES, name) && !isOf(Version.TOWERS, name));
    List<String> problems = Checksums.problems(folder, files, Checksums.Threads.ALL);
    if (!problems.isEmpty()) {
      throw new ArtifactException(problems.get(0));
    }
    try {
      Features features = Features.open(folder.resolve(Version.FEATURES));
      Path towers = folder.resolve(Version.TOWERS);
      return new OpenTowers(
          features,
          ExportedTower.open(towers, ExportedTower.Side.ITEM, features.itemSchema()),
          ExportedTower.open(towers, ExportedTower.Side.QUERY, features.querySchema()));
    } catch (DataException e) {
      throw ArtifactException.of("cannot open the towers of version " + version.id(), e);
    }
  }

  private static boolean isOf(String part, String file) {
    return file.startsWith(part + "/");
  }
}
