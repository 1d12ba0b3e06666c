package io.tandem.artifact;

import io.tandem.data.DataException;
import io.tandem.data.KeyTable;
import io.tandem.feature.Features;
import io.tandem.filter.FilterColumns;
import io.tandem.index.IndexException;
import io.tandem.index.VectorIndex;
import io.tandem.index.faiss.FaissIndex;
import io.tandem.tower.ExportedTower;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A verified version with all it needs to answer: immutable, safe for any number of threads.
 * Closing frees the index's native memory; nothing may be searching then.
 */
public final class OpenVersion implements AutoCloseable {
  private final Version version;
  private final KeyTable items;
  private final VectorIndex index;
  private final History history;
  private final ItemTexts texts;
  private final FilterColumns filters;
  private final @Nullable QuerySide querySide;
  private final Hold hold;

  private OpenVersion(
      Version version,
      KeyTable items,
      VectorIndex index,
      History history,
      ItemTexts texts,
      FilterColumns filters,
      @Nullable QuerySide querySide,
      Hold hold) {
    this.version = version;
    this.items = items;
    this.index = index;
    this.history = history;
    this.texts = texts;
    this.filters = filters;
    this.querySide = querySide;
    this.hold = hold;
  }

  /**
   * How a query becomes a vector.
   *
   * @param features encoders of both sides
   * @param tower of queries; its output is as wide as the index
   */
  public record QuerySide(Features features, ExportedTower tower) {}

  /** Opens a version whose files were verified. */
  static OpenVersion open(Version version) {
    Hold hold = Hold.take(version);
    try {
      return open(version, hold);
    } catch (RuntimeException | Error e) {
      hold.close();
      throw e;
    }
  }

  private static OpenVersion open(Version version, Hold hold) {
    Manifest manifest = version.manifest();
    Path folder = version.folder();
    int size = manifest.items();
    try {
      KeyTable items = KeyTable.open(folder.resolve(Version.ITEM_KEYS));
      if (items.size() != size) {
        throw ArtifactException.of(
            folder.resolve(Version.ITEM_KEYS), size + " items", items.size());
      }
      QuerySide querySide = querySide(version);
      History history = History.open(folder.resolve(Version.HISTORY), size);
      ItemTexts texts =
          ItemTexts.open(folder.resolve(Version.ITEM_TEXTS), manifest.attributes(), size);
      FilterColumns filters = filters(version);
      VectorIndex index =
          FaissIndex.read(
              folder.resolve(Version.INDEX),
              new FaissIndex.Facts(
                  manifest.index().type(),
                  manifest.dimension(),
                  size,
                  manifest.index().parameters(),
                  version.indexReport()));
      return new OpenVersion(version, items, index, history, texts, filters, querySide, hold);
    } catch (DataException | IndexException e) {
      throw ArtifactException.of("cannot open version " + version.id(), e);
    }
  }

  private static FilterColumns filters(Version version) {
    Manifest manifest = version.manifest();
    return manifest.files().containsKey(Version.FILTERS + "/" + FilterColumns.COLUMNS)
        ? FilterColumns.open(version.folder().resolve(Version.FILTERS), manifest.items())
        : FilterColumns.none(manifest.items());
  }

  private static @Nullable QuerySide querySide(Version version) {
    Manifest manifest = version.manifest();
    return switch (manifest.model()) {
      case Publisher.POPULARITY -> {
        requireWidth(version, "a query of width 1", 1);
        yield null;
      }
      case Publisher.TWO_TOWER -> {
        Features features = Features.open(version.folder().resolve(Version.FEATURES));
        ExportedTower tower =
            ExportedTower.open(
                version.folder().resolve(Version.TOWERS),
                ExportedTower.Side.QUERY,
                features.querySchema());
        requireWidth(version, "a query tower of dimension " + tower.dim(), tower.dim());
        yield new QuerySide(features, tower);
      }
      default ->
          throw ArtifactException.of(
              version.folder().resolve(Version.MANIFEST),
              "model %s or %s".formatted(Publisher.TWO_TOWER, Publisher.POPULARITY),
              manifest.model());
    };
  }

  private static void requireWidth(Version version, String of, int width) {
    if (width != version.manifest().dimension()) {
      throw ArtifactException.of(
          version.folder().resolve(Version.INDEX),
          "item vectors of dimension %d to go with %s".formatted(width, of),
          version.manifest().dimension());
    }
  }

  /** What was opened. */
  public Version version() {
    return version;
  }

  /** Keys of the items, by row of the index. */
  public KeyTable items() {
    return items;
  }

  /** Vectors of the items. */
  public VectorIndex index() {
    return index;
  }

  /** What known queries touched before. */
  public History history() {
    return history;
  }

  /** Attributes of the items. */
  public ItemTexts texts() {
    return texts;
  }

  /** Columns that the items can be filtered by. */
  public FilterColumns filters() {
    return filters;
  }

  /** How a query becomes a vector; null where every query is the vector [1]. */
  public @Nullable QuerySide querySide() {
    return querySide;
  }

  /**
   * Opens the tower that embedded the items, for items to be added.
   *
   * @throws IllegalStateException where there are no towers
   * @throws ArtifactException if its files do not fit together
   */
  public ExportedTower openItemTower() {
    if (querySide == null) {
      throw new IllegalStateException("version " + version.id() + " has no towers");
    }
    try {
      return ExportedTower.open(
          version.folder().resolve(Version.TOWERS),
          ExportedTower.Side.ITEM,
          querySide.features().itemSchema());
    } catch (DataException e) {
      throw ArtifactException.of("cannot open version " + version.id(), e);
    }
  }

  /** Hashes of the items' features, by row; null where the version was published without. */
  public @Nullable ItemHashes itemHashes() {
    return version.manifest().files().containsKey(Version.ITEM_HASHES)
        ? ItemHashes.open(version.folder().resolve(Version.ITEM_HASHES), items.size())
        : null;
  }

  @Override
  public void close() {
    index.close();
    hold.close();
  }
}
