package io.tandem.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.tandem.retrieval.DeadlineException;
import io.tandem.retrieval.RetrieverListener;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A retriever's work as Micrometer meters.
 *
 * <pre>{@code
 * Retriever.builder(store).listener(new RetrieverMetrics(registry)).shadow(0.001).open()
 * }</pre>
 *
 * <table>
 * <caption>Meters</caption>
 * <tr><td>tandem.retrieve</td><td>timer; tag stage: encode, filter, search, total</td></tr>
 * <tr><td>tandem.retrieve.candidates</td><td>summary: vectors and codes that a query was compared
 * with</td></tr>
 * <tr><td>tandem.retrieve.batch</td><td>timer of batches</td></tr>
 * <tr><td>tandem.retrieve.batch.queries</td><td>counter of queries in batches</td></tr>
 * <tr><td>tandem.retrieve.failures</td><td>counter; tag cause: deadline, other</td></tr>
 * <tr><td>tandem.version</td><td>gauge, 1; tag version: the id in use</td></tr>
 * <tr><td>tandem.version.age</td><td>gauge, seconds since the version was made: staleness</td></tr>
 * <tr><td>tandem.version.failures</td><td>counter of versions that could not be opened</td></tr>
 * <tr><td>tandem.items.added, tandem.items.gone</td><td>gauges: changes since the rebuild</td></tr>
 * <tr><td>tandem.recall</td><td>summary: recall of sampled queries against exact search</td></tr>
 * </table>
 *
 * <p>Use one for each retriever. Safe for any number of threads.
 */
public final class RetrieverMetrics implements RetrieverListener {
  private final MeterRegistry registry;
  private final Tags tags;
  private final Timer encode;
  private final Timer filter;
  private final Timer search;
  private final Timer total;
  private final DistributionSummary candidates;
  private final Timer batches;
  private final Counter batchQueries;
  private final Counter deadlines;
  private final Counter otherFailures;
  private final Counter versionFailures;
  private final DistributionSummary recall;
  private final AtomicInteger added = new AtomicInteger();
  private final AtomicInteger gone = new AtomicInteger();
  private final AtomicReference<@Nullable Instant> created = new AtomicReference<>();
  private @Nullable Gauge version;

  /**
   * Registers the meters.
   *
   * @param tags keys and values by turns that every meter carries, to tell retrievers apart
   */
  public RetrieverMetrics(MeterRegistry registry, String... tags) {
    this.registry = registry;
    this.tags = Tags.of(tags);
    encode = stage("encode");
    filter = stage("filter");
    search = stage("search");
    total = stage("total");
    candidates = registry.summary("tandem.retrieve.candidates", this.tags);
    batches = registry.timer("tandem.retrieve.batch", this.tags);
    batchQueries = registry.counter("tandem.retrieve.batch.queries", this.tags);
    deadlines = registry.counter("tandem.retrieve.failures", this.tags.and("cause", "deadline"));
    otherFailures = registry.counter("tandem.retrieve.failures", this.tags.and("cause", "other"));
    versionFailures = registry.counter("tandem.version.failures", this.tags);
    recall = registry.summary("tandem.recall", this.tags);
    registry.gauge("tandem.items.added", this.tags, added);
    registry.gauge("tandem.items.gone", this.tags, gone);
    Gauge.builder("tandem.version.age", created, RetrieverMetrics::seconds)
        .tags(this.tags)
        .baseUnit("seconds")
        .register(registry);
  }

  @Override
  public void retrieved(
      long encodeNanos, long filterNanos, long searchNanos, long totalNanos, long scanned) {
    encode.record(encodeNanos, TimeUnit.NANOSECONDS);
    filter.record(filterNanos, TimeUnit.NANOSECONDS);
    search.record(searchNanos, TimeUnit.NANOSECONDS);
    total.record(totalNanos, TimeUnit.NANOSECONDS);
    candidates.record((double) scanned);
  }

  @Override
  public void batchRetrieved(int queries, long totalNanos) {
    batches.record(totalNanos, TimeUnit.NANOSECONDS);
    batchQueries.increment(queries);
  }

  @Override
  public void failed(RuntimeException failure) {
    (failure instanceof DeadlineException ? deadlines : otherFailures).increment();
  }

  @Override
  public synchronized void opened(String id, Instant made) {
    created.set(made);
    if (version != null) {
      registry.remove(version);
    }
    version =
        Gauge.builder("tandem.version", () -> 1).tags(tags.and("version", id)).register(registry);
  }

  @Override
  public void refreshFailed(String id, RuntimeException failure) {
    versionFailures.increment();
  }

  @Override
  public void changed(int addedItems, int goneItems) {
    added.set(addedItems);
    gone.set(goneItems);
  }

  @Override
  public void recallSampled(double share) {
    recall.record(share);
  }

  private Timer stage(String name) {
    return registry.timer("tandem.retrieve", tags.and("stage", name));
  }

  private static double seconds(AtomicReference<@Nullable Instant> created) {
    Instant made = created.get();
    return made == null ? Double.NaN : Duration.between(made, Instant.now()).toMillis() / 1e3;
  }
}
