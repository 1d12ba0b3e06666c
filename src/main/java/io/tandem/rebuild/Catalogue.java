package io.tandem.rebuild;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Draft;
import io.tandem.artifact.ItemHashes;
import io.tandem.artifact.ItemTower;
import io.tandem.artifact.Manifest.Rebuilt;
import io.tandem.artifact.MissingShares;
import io.tandem.artifact.OpenVersion;
import io.tandem.config.IndexConfig;
import io.tandem.data.Attributes;
import io.tandem.data.ParallelRows;
import io.tandem.data.Rows;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The newest catalogue on its way into a draft: each item is encoded and compared with the current
 * version's; what is the same under the same model keeps its vector, the rest is embedded, several
 * chunks at once. Each embedded chunk is kept on disk until the version is published.
 *
 * <p>Which items are embedded together follows from the catalogue and the current version alone,
 * not from how far a job came: a continued job gives the bytes that an unbroken one would have. A
 * vector that is taken over equals one embedded anew to rounding.
 */
final class Catalogue {
  /** Items of which the draft's own tower is asked again. */
  private static final int CHECKED = 200;

  private static final int NAMED = Cluster.NAMED;

  private final OpenVersion live;
  private final ItemTower tower;
  private final @Nullable Chunks chunks;
  private final int threads;
  private final @Nullable ItemHashes before;
  private final @Nullable Features comparedBy;
  private final boolean takesOver;
  private final MissingShares missing;
  private final FeatureBatch checked;
  private final List<Integer> checkedRows = new ArrayList<>();

  private final AtomicLong added = new AtomicLong();
  private final AtomicLong changed = new AtomicLong();
  private final AtomicLong unchanged = new AtomicLong();
  private final AtomicLong embedded = new AtomicLong();
  private final AtomicLong resumed = new AtomicLong();
  private final List<String> notFinite = new ArrayList<>();
  private int notFiniteCount;
  private final AtomicLong embedNanos = new AtomicLong();
  private final AtomicLong encodeNanos = new AtomicLong();

  /**
   * @param sameModel whether the tower is the one that embedded the current version
   * @param chunks that were embedded; null where vectors come from elsewhere
   */
  Catalogue(
      OpenVersion live, ItemTower tower, boolean sameModel, @Nullable Chunks chunks, int threads) {
    this.live = live;
    this.tower = tower;
    this.chunks = chunks;
    this.threads = threads;
    before = live.itemHashes();
    OpenVersion.QuerySide querySide = live.querySide();
    comparedBy = sameModel || querySide == null ? null : querySide.features();
    takesOver =
        sameModel
            && before != null
            && live.index().keepsVectors()
            && live.version().indexReport().metric() == IndexConfig.Metric.INNER_PRODUCT;
    missing = new MissingShares(tower.features());
    checked = new FeatureBatch(tower.features().itemSchema());
  }

  /** A chunk, embedded. */
  private record Embedded(
      String[] keys, float[] vectors, long[] hashes, long[] unknown, FeatureBatch batch) {}

  /** Adds every item to a draft. */
  void addTo(Draft draft, Attributes items, LongConsumer progress) {
    long[] done = {0};
    int every = Math.max(1, items.size() / CHECKED);
    ParallelRows.forEachChunk(
        items,
        threads,
        this::embed,
        chunk -> {
          int n = chunk.hashes().length;
          if (chunks == null) {
            draft.add(chunk.hashes(), n);
          } else {
            removeNotFinite(chunk);
            draft.add(chunk.vectors(), chunk.hashes(), n);
          }
          missing.add(chunk.unknown(), n);
          for (int row = 0; row < n; row++) {
            if ((done[0] + row) % every == 0 && checkedRows.size() < CHECKED) {
              checked.append(chunk.batch(), row);
              checkedRows.add(Math.toIntExact(done[0] + row));
            }
          }
          done[0] += n;
          progress.accept(done[0]);
        });
  }

  Rebuilt rebuilt(String source, boolean trained) {
    int kept = Math.toIntExact(changed.get() + unchanged.get());
    return new Rebuilt(
        source,
        (int) added.get(),
        (int) changed.get(),
        live.items().size() - kept,
        (int) unchanged.get(),
        (int) embedded.get(),
        trained);
  }

  /** Shares of missing features, as a version's metrics. */
  Map<String, Double> missing() {
    return missing.shares();
  }

  /** Items found embedded by a job before. */
  long resumed() {
    return resumed.get();
  }

  /** Thread time, in seconds. */
  double encodeSeconds() {
    return encodeNanos.get() / 1e9;
  }

  /** Thread time, in seconds. */
  double embedSeconds() {
    return embedNanos.get() / 1e9;
  }

  /** Is told which vectors from elsewhere were not finite. */
  void notFinite(int count, List<String> first) {
    notFiniteCount = count;
    notFinite.addAll(first);
  }

  /** Items whose vectors were not finite. */
  int notFinite() {
    return notFiniteCount;
  }

  /** The keys of the first of them. */
  List<String> firstNotFinite() {
    return notFinite;
  }

  /** Some items as they were encoded. */
  FeatureBatch checked() {
    return checked;
  }

  /** Their rows. */
  List<Integer> checkedRows() {
    return checkedRows;
  }

  private Embedded embed(Rows rows, int first) {
    long begin = System.nanoTime();
    FeatureBatch batch = tower.encode(rows);
    long[] hashes = new long[batch.rows()];
    Arrays.setAll(hashes, batch::hash);
    int[] taken = compare(rows, comparable(rows, batch, hashes));
    long[] unknown = missing.count(rows);
    long encoded = System.nanoTime();
    encodeNanos.addAndGet(encoded - begin);
    try {
      float[] vectors = vectors(first, batch, hashes, taken);
      embedNanos.addAndGet(System.nanoTime() - encoded);
      return new Embedded(rows.keys(), vectors, hashes, unknown, batch);
    } catch (IOException e) {
      throw new ArtifactException("cannot keep embedded items: " + e.getMessage(), e);
    }
  }

  /** Hashes that can be compared with the current version's. */
  private long[] comparable(Rows rows, FeatureBatch batch, long[] hashes) {
    if (comparedBy == null) {
      return hashes;
    }
    FeatureBatch asBefore = new FeatureBatch(comparedBy.itemSchema());
    comparedBy.items().encode(rows, asBefore);
    long[] compared = new long[batch.rows()];
    Arrays.setAll(compared, asBefore::hash);
    return compared;
  }

  /** For each row that of the current version with the same features, or -1. */
  private int[] compare(Rows rows, long[] hashes) {
    int[] taken = new int[hashes.length];
    for (int i = 0; i < taken.length; i++) {
      int row = live.items().indexOf(rows.keys()[i]);
      boolean same = row >= 0 && before != null && before.of(row) == hashes[i];
      (row < 0 ? added : same ? unchanged : changed).incrementAndGet();
      taken[i] = same ? row : -1;
    }
    return taken;
  }

  private float[] vectors(int first, FeatureBatch batch, long[] hashes, int[] taken)
      throws IOException {
    Chunks kept = chunks;
    if (kept == null) {
      embedded.addAndGet(batch.rows());
      return new float[0];
    }
    return vectors(kept, first, batch, hashes, taken);
  }

  private float[] vectors(Chunks chunks, int first, FeatureBatch batch, long[] hashes, int[] taken)
      throws IOException {
    int dim = tower.dim();
    FeatureBatch fresh = new FeatureBatch(tower.features().itemSchema());
    for (int i = 0; i < taken.length; i++) {
      if (!takesOver || taken[i] < 0) {
        fresh.append(batch, i);
      }
    }
    embedded.addAndGet(fresh.rows());
    if (fresh.rows() > 0) {
      float[] kept = chunks.read(first, hashes, dim);
      if (kept != null) {
        resumed.addAndGet(fresh.rows());
        return kept;
      }
    }
    float[] own = tower.embed(fresh);
    float[] vectors = fresh.rows() == taken.length ? own : new float[taken.length * dim];
    float[] vector = new float[dim];
    int next = 0;
    for (int i = 0; i < taken.length && vectors != own; i++) {
      if (!takesOver || taken[i] < 0) {
        System.arraycopy(own, dim * next++, vectors, i * dim, dim);
      } else {
        live.index().vector(taken[i], vector);
        System.arraycopy(vector, 0, vectors, i * dim, dim);
      }
    }
    if (fresh.rows() > 0) {
      chunks.write(first, hashes, vectors, dim);
    }
    return vectors;
  }

  /** An index takes finite vectors alone; a gate tells of the others. */
  private void removeNotFinite(Embedded chunk) {
    int dim = tower.dim();
    for (int row = 0; row < chunk.hashes().length; row++) {
      boolean finite = true;
      for (int i = row * dim; i < (row + 1) * dim; i++) {
        finite &= Float.isFinite(chunk.vectors()[i]);
      }
      if (!finite) {
        Arrays.fill(chunk.vectors(), row * dim, (row + 1) * dim, 0);
        notFiniteCount++;
        if (notFinite.size() < NAMED) {
          notFinite.add(Objects.requireNonNull(chunk.keys()[row]));
        }
      }
    }
  }
}
