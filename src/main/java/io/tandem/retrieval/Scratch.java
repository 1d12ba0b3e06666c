package io.tandem.retrieval;

import io.tandem.artifact.OpenVersion.QuerySide;
import io.tandem.feature.FeatureBatch;
import io.tandem.index.TopK;
import io.tandem.tower.ExportedTower;
import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** What one retrieval works in: used by one thread at a time, by many retrievals in turn. */
final class Scratch {
  final float[] vector;

  /** Best hits so far; swapped with {@link #spare} when hits are merged. */
  TopK hits = new TopK();

  TopK spare = new TopK();

  /** What the retrieval has compared its vector with so far: vectors and codes. */
  long scanned;

  /** Best of the added items, and which of those to leave out. */
  final TopK added = new TopK();

  final BitSet excludedAdded = new BitSet();
  final @Nullable FeatureBatch batch;
  final ExportedTower.@Nullable Scratch tower;

  /** Rows to leave out, ascending and distinct once {@link #sortExcluded} was called. */
  private int[] excluded = new int[64];

  private int excludedCount;

  Scratch(int dimension, @Nullable QuerySide querySide) {
    vector = new float[dimension];
    batch = querySide == null ? null : new FeatureBatch(querySide.features().querySchema());
    tower = querySide == null ? null : querySide.tower().scratch();
  }

  void clearExcluded() {
    excludedCount = 0;
    excludedAdded.clear();
  }

  /** Leaves an added item out; -1 stands for none and is ignored. */
  void excludeAdded(int number) {
    if (number >= 0) {
      excludedAdded.set(number);
    }
  }

  /** Leaves a row out; -1 stands for no row and is ignored. */
  void exclude(int row) {
    if (row >= 0) {
      if (excludedCount == excluded.length) {
        excluded = Arrays.copyOf(excluded, excludedCount * 2);
      }
      excluded[excludedCount++] = row;
    }
  }

  void sortExcluded() {
    Arrays.sort(excluded, 0, excludedCount);
    int distinct = 0;
    for (int i = 0; i < excludedCount; i++) {
      if (i == 0 || excluded[i] != excluded[i - 1]) {
        excluded[distinct++] = excluded[i];
      }
    }
    excludedCount = distinct;
  }

  int excludedCount() {
    return excludedCount;
  }

  int[] excluded() {
    return excluded;
  }

  boolean isExcluded(int row) {
    return excludedCount > 0 && Arrays.binarySearch(excluded, 0, excludedCount, row) >= 0;
  }
}
