package io.tandem.rebuild;

import com.google.common.hash.Hashing;
import io.tandem.artifact.OpenVersion;
import io.tandem.config.RebuildConfig;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.evaluation.Bootstrap;
import io.tandem.evaluation.Estimate;
import io.tandem.evaluation.HeldOut;
import io.tandem.evaluation.Measure;
import io.tandem.evaluation.QueryMetrics;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.feature.QueryContext;
import io.tandem.index.TopK;
import io.tandem.training.EvaluationQueries;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The same queries put to the current version and to the one that may follow it.
 *
 * @param overlaps of each probe query, share of its top k that stays, ascending; empty where there
 *     is no probe
 * @param millisBefore times of probe queries, ascending
 * @param millisAfter likewise
 * @param quality null where there is no held-out interaction
 * @param examples some of the probe queries
 */
public record Probes(
    double[] overlaps,
    double[] millisBefore,
    double[] millisAfter,
    @Nullable Quality quality,
    List<Example> examples) {
  private static final int TIMED = 1000;
  private static final int EXAMPLES = 10;
  private static final int SHOWN = 5;
  private static final int SHOWN_ATTRIBUTES = 2;

  public Probes {
    examples = List.copyOf(examples);
  }

  /**
   * Recall on held-out interactions, seen items left out, through the indexes.
   *
   * @param difference after − before, over pairs of the same query
   */
  public record Quality(
      int k,
      int queries,
      double before,
      double after,
      Estimate difference,
      double ndcgBefore,
      double ndcgAfter) {}

  /** What one query is answered. */
  public record Example(String query, List<String> before, List<String> after) {
    public Example {
      before = List.copyOf(before);
      after = List.copyOf(after);
    }
  }

  static Probes ask(
      OpenVersion before, OpenVersion after, Dataset dataset, RebuildConfig config, long seed) {
    int[] queries = queries(dataset, config.probes());
    Asked old = new Asked(before, queries.length, f -> encode(queries, dataset, f));
    Asked now = new Asked(after, queries.length, f -> encode(queries, dataset, f));
    double[] overlaps = new double[queries.length];
    Arrays.setAll(overlaps, i -> overlap(old.keys(i, config.k()), now.keys(i, config.k())));
    Arrays.sort(overlaps);
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < Math.min(EXAMPLES, queries.length); i++) {
      examples.add(new Example(dataset.queryKeys().key(queries[i]), shown(old, i), shown(now, i)));
    }
    return new Probes(
        overlaps,
        old.millis(config.k(), TIMED),
        now.millis(config.k(), TIMED),
        quality(before, after, dataset, config, seed),
        examples);
  }

  /** A quantile of ascending numbers; 0 of none. */
  static double quantile(double[] sorted, double share) {
    return sorted.length == 0
        ? 0
        : sorted[(int) Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  }

  /** Those whose keys have the smallest hashes: tomorrow the same, but for those that are gone. */
  private static int[] queries(Dataset dataset, int count) {
    Interactions train = dataset.split().train();
    record Hashed(int query, long hash) {}
    return IntStream.range(0, train.queries())
        .filter(query -> train.count(query) > 0)
        .mapToObj(
            query ->
                new Hashed(
                    query,
                    Hashing.murmur3_128()
                        .hashString(dataset.queryKeys().key(query), StandardCharsets.UTF_8)
                        .asLong()))
        .sorted(Comparator.comparingLong(Hashed::hash))
        .limit(count)
        .mapToInt(Hashed::query)
        .toArray();
  }

  private static FeatureBatch encode(int[] queries, Dataset dataset, Features features) {
    Interactions train = dataset.split().train();
    EventEncoder events = features.events(dataset);
    FeatureBatch batch = new FeatureBatch(features.querySchema());
    for (int query : queries) {
      int end = train.end(query);
      events.encode(
          query, QueryContext.of(train, train.start(query), end, train.time(end - 1)), batch);
    }
    return batch;
  }

  private static double overlap(List<String> before, List<String> after) {
    Set<String> both = new HashSet<>(before);
    both.retainAll(new HashSet<>(after));
    int most = Math.max(before.size(), after.size());
    return most == 0 ? 1 : (double) both.size() / most;
  }

  private static List<String> shown(Asked asked, int query) {
    OpenVersion version = asked.version();
    List<String> shown = new ArrayList<>();
    TopK top = asked.top(query, SHOWN);
    for (int rank = 0; rank < top.size(); rank++) {
      StringBuilder text = new StringBuilder(version.items().key(top.row(rank)));
      int columns = Math.min(SHOWN_ATTRIBUTES, version.texts().columns().size());
      // The last columns in the order of the alphabet hold the title more often than the first.
      for (int c = version.texts().columns().size() - columns;
          c < version.texts().columns().size();
          c++) {
        text.append(" · ").append(version.texts().text(top.row(rank), c));
      }
      shown.add(text.toString());
    }
    return shown;
  }

  private static @Nullable Quality quality(
      OpenVersion before, OpenVersion after, Dataset dataset, RebuildConfig config, long seed) {
    HeldOut heldOut =
        HeldOut.test(dataset, HeldOut.Seen.EXCLUDED).sample(config.maxQueries(), seed);
    if (heldOut.queries().length == 0) {
      return null;
    }
    QueryMetrics old = metrics(before, heldOut, dataset, config.k());
    QueryMetrics now = metrics(after, heldOut, dataset, config.k());
    return new Quality(
        config.k(),
        heldOut.queries().length,
        old.mean().recall(),
        now.mean().recall(),
        new Bootstrap(seed).difference(now.values(Measure.RECALL), old.values(Measure.RECALL)),
        old.mean().ndcg(),
        now.mean().ndcg());
  }

  private static QueryMetrics metrics(
      OpenVersion version, HeldOut heldOut, Dataset dataset, int k) {
    Asked asked =
        new Asked(
            version,
            heldOut.queries().length,
            features -> EvaluationQueries.encode(heldOut, dataset, features));
    int[][] lists = new int[asked.queries()][];
    for (int i = 0; i < lists.length; i++) {
      int[] seen = heldOut.question().excluded()[i];
      TopK top = asked.top(i, k + seen.length);
      lists[i] =
          IntStream.range(0, top.size())
              .map(rank -> dataset.itemKeys().indexOf(version.items().key(top.row(rank))))
              .filter(item -> item >= 0 && Arrays.binarySearch(seen, item) < 0)
              .limit(k)
              .toArray();
    }
    return QueryMetrics.of(lists, heldOut.question().relevant(), k);
  }

  /** Figures by name. */
  Map<String, Object> facts() {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("probes", overlaps.length);
    facts.put("held_out", quality == null ? 0 : quality.queries());
    return facts;
  }
}
