package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.index.BuildListener;
import io.tandem.index.BuildListener.Stage;
import io.tandem.index.IndexException;
import io.tandem.index.IndexReport.Point;
import io.tandem.index.TopK;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Finds the search setting of least work that keeps the promised recall.
 *
 * <p>Recall rises with the effort of a search and, where hits are rescored, with how many are
 * fetched: the border between settings that keep the promise and those that do not is a staircase,
 * and walking along it tries few of them. Settings are tried with one half of the sampled queries;
 * the promise must also hold for the other half, whose recall is what is reported.
 */
final class Tuner {
  private static final int[] EFFORTS = {
    1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048,
    3072, 4096
  };
  private static final int LEAST_GRAPH_EFFORT = 16;
  private static final int MOST_GRAPH_EFFORT = 2048;
  private static final int[] FETCHES = {1, 2, 4, 8, 16};

  /**
   * Settings tried beyond the one that keeps the promise, so that the curve shows what it costs.
   */
  private static final int BEYOND = 2;

  private static final int TIMED_QUERIES = 40;

  private final FaissIndex index;
  private final Sample tried;
  private final Sample held;
  private final IndexConfig config;
  private final BuildListener listener;
  private final Map<Setting, Point> points = new HashMap<>();

  Tuner(FaissIndex index, Sample sample, IndexConfig config, BuildListener listener) {
    this.index = index;
    this.tried = sample.half(0);
    this.held = sample.half(1);
    this.config = config;
    this.listener = listener;
  }

  /** What a search looks at. */
  private record Setting(int effort, int overFetch) {}

  /**
   * The result.
   *
   * @param recall of the chosen setting, for queries that had no part in choosing it
   * @param curve every setting that was tried, in order of their work
   */
  record Tuned(Map<String, Integer> parameters, double recall, double work, List<Point> curve) {}

  /** Tunes the index and leaves it at the chosen setting, or the best that was found. */
  Tuned tune() {
    int[] efforts = efforts();
    int[] fetches = fetches();
    listener.progress(Stage.TUNING, index.type(), 0, (long) efforts.length * fetches.length);
    int at = 0;
    for (int i = 0; i < fetches.length; i++) {
      at = i == 0 ? climb(efforts, fetches[i]) : descend(efforts, at, fetches[i]);
      point(new Setting(efforts[at], fetches[i]));
    }
    Setting chosen =
        points.entrySet().stream()
            .filter(tried -> tried.getValue().recall() >= config.minRecall())
            .min(
                Comparator.comparingDouble((Map.Entry<Setting, Point> e) -> e.getValue().work())
                    .thenComparingInt(e -> e.getKey().effort())
                    .thenComparingInt(e -> e.getKey().overFetch()))
            .map(Map.Entry::getKey)
            .orElseGet(this::best);
    chosen = confirm(chosen, efforts);
    index.use(chosen.effort(), chosen.overFetch());
    double work = point(chosen).work();
    index.searchWork(work);
    List<Point> curve = new ArrayList<>(points.values());
    curve.sort(Comparator.comparingDouble(Point::work).thenComparing(Point::recall));
    return new Tuned(parameters(chosen), held.recall(index), work, curve);
  }

  /**
   * Raises the effort until it suffices and a little beyond; gives the place that did. Beyond is
   * what costs more: where the least efforts find too few rows, so that all are scanned, more is
   * less.
   */
  private int climb(int[] efforts, int fetch) {
    int beyond = 0;
    int enough = -1;
    double least = Double.POSITIVE_INFINITY;
    for (int at = 0; at < efforts.length && beyond < BEYOND; at++) {
      Point point = point(new Setting(efforts[at], fetch));
      if (point.recall() >= config.minRecall()) {
        enough = point.work() < least ? at : enough;
        beyond += point.work() < least ? 0 : 1;
        least = Math.min(least, point.work());
      }
    }
    return enough < 0 ? efforts.length - 1 : enough;
  }

  /** Lowers the effort as long as it suffices. */
  private int descend(int[] efforts, int from, int fetch) {
    int at = from;
    while (at > 0 && recall(new Setting(efforts[at - 1], fetch)) >= config.minRecall()) {
      at--;
    }
    return at;
  }

  /** The least effort from the chosen one on that keeps the promise for the queries held out. */
  private Setting confirm(Setting chosen, int[] efforts) {
    Setting confirmed = chosen;
    index.use(confirmed.effort(), confirmed.overFetch());
    while (held.recall(index) < config.minRecall()) {
      int at = Arrays.binarySearch(efforts, confirmed.effort());
      if (at < 0 || at + 1 >= efforts.length) {
        break;
      }
      confirmed = new Setting(efforts[at + 1], confirmed.overFetch());
      index.use(confirmed.effort(), confirmed.overFetch());
    }
    return confirmed;
  }

  private Setting best() {
    return points.entrySet().stream()
        .max(Comparator.comparingDouble(entry -> entry.getValue().recall()))
        .orElseThrow()
        .getKey();
  }

  private double recall(Setting setting) {
    return point(setting).recall();
  }

  private Point point(Setting setting) {
    Point known = points.get(setting);
    if (known == null) {
      known = measure(setting);
      points.put(setting, known);
      listener.progress(Stage.TUNING, index.type(), points.size(), 0);
    }
    return known;
  }

  private Point measure(Setting setting) {
    if (Thread.currentThread().isInterrupted()) {
      throw new IndexException("interrupted while tuning index " + index.type());
    }
    index.use(setting.effort(), setting.overFetch());
    return new Point(
        parameters(setting),
        tried.recall(index),
        Work.of(index, tried, setting.overFetch()),
        micros());
  }

  private double micros() {
    int n = Math.min(TIMED_QUERIES, tried.n());
    long[] nanos = new long[n];
    TopK hits = new TopK();
    for (int i = 0; i < n; i++) {
      float[] query = tried.query(i);
      long start = System.nanoTime();
      index.search(query, tried.k(), hits);
      nanos[i] = System.nanoTime() - start;
    }
    Arrays.sort(nanos);
    return nanos[n / 2] / 1e3;
  }

  private SortedMap<String, Integer> parameters(Setting setting) {
    SortedMap<String, Integer> parameters = new TreeMap<>();
    String effort = index.structure().effortName();
    if (effort != null) {
      parameters.put(effort, setting.effort());
    }
    if (index.rescores()) {
      parameters.put(FaissIndex.OVER_FETCH, setting.overFetch());
    }
    return parameters;
  }

  private int[] efforts() {
    int given = givenEffort();
    Structure structure = index.structure();
    return switch (structure.kind()) {
      case FLAT, OTHER -> new int[] {0};
      case GRAPH -> given > 0 ? new int[] {given} : between(LEAST_GRAPH_EFFORT, MOST_GRAPH_EFFORT);
      case LISTS, FAST_SCAN ->
          given > 0
              ? new int[] {Math.min(given, structure.listCount())}
              : between(1, structure.listCount());
    };
  }

  private int givenEffort() {
    String name = index.structure().effortName();
    if (name == null) {
      return 0;
    }
    return name.equals("efSearch") ? config.graph().efSearch() : config.lists().nprobe();
  }

  private int[] fetches() {
    if (!index.rescores()) {
      return new int[] {1};
    }
    int given = config.lists().overFetch();
    return given > 0 ? new int[] {given} : FETCHES;
  }

  private static int[] between(int least, int most) {
    int[] within = Arrays.stream(EFFORTS).filter(e -> e >= least && e < most).toArray();
    int[] all = Arrays.copyOf(within, within.length + 1);
    all[within.length] = most;
    return all;
  }
}
