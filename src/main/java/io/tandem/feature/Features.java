package io.tandem.feature;

import io.tandem.config.DataSpec;
import io.tandem.config.FeatureSpec;
import io.tandem.config.FeatureSpec.Transform;
import io.tandem.config.FeaturesSpec;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The fitted encoders of both towers: vocabularies, statistics of numbers, layouts. The same object
 * encodes for training and for serving. Immutable; safe for any number of threads.
 *
 * <p>Fitting looks at training interactions and attributes only, never at validation or test. A key
 * without a training interaction is out of the vocabulary: its embedding could not have been
 * trained.
 */
public final class Features {
  private final FeaturesState state;
  private final Map<String, Vocabulary> vocabularies;
  private final TowerInput queries;
  private final TowerInput items;

  /**
   * @param vocabularies by table name
   */
  Features(FeaturesState state, Map<String, Vocabulary> vocabularies) {
    this.state = state;
    this.vocabularies = Map.copyOf(vocabularies);
    List<FeatureSpec> item = state.spec().item();
    items =
        new TowerInput(
            encoders("item", item),
            state.itemKeys(),
            new RequiredColumns("items", item, state.itemKeys()));
    List<FeatureSpec> query = state.spec().query();
    Set<String> given = new LinkedHashSet<>(state.queryKeys());
    if (state.timeColumn() != null) {
      given.add(state.timeColumn());
    }
    queries =
        new TowerInput(
            encoders("query", query),
            state.queryKeys(),
            new RequiredColumns("queries", query, given));
  }

  /** Fits encoders. */
  public static Features fit(FeaturesSpec spec, DataSpec data, Dataset dataset) {
    // In order, so that the same encoders have the same bytes.
    Set<String> queryKeys = new TreeSet<>(Fitting.queryKeys(data));
    Set<String> itemKeys = new TreeSet<>(Fitting.itemKeys(data));
    Fitting.Learned query = Fitting.queries(spec.query(), queryKeys, dataset);
    Fitting.Learned item = Fitting.items(spec.item(), itemKeys, dataset);
    Map<String, Vocabulary> vocabularies = new LinkedHashMap<>();
    Map<String, NumericEncoder.Statistics> statistics = new LinkedHashMap<>();
    query.vocabularies().forEach((name, v) -> vocabularies.put("query." + name, v));
    item.vocabularies().forEach((name, v) -> vocabularies.put("item." + name, v));
    query.statistics().forEach((name, s) -> statistics.put("query." + name, s));
    item.statistics().forEach((name, s) -> statistics.put("item." + name, s));
    FeaturesState state =
        new FeaturesState(
            FeaturesState.FORMAT,
            spec,
            queryKeys,
            itemKeys,
            data.interactions().time(),
            newest(dataset.split().train()),
            statistics,
            FeaturesState.files(vocabularies));
    return new Features(state, vocabularies);
  }

  /** The specification that was fitted. */
  public FeaturesSpec spec() {
    return state.spec();
  }

  /** Columns that hold the key of queries. */
  public Set<String> queryKeyColumns() {
    return queries.keyColumns();
  }

  /** Columns that hold the key of items. */
  public Set<String> itemKeyColumns() {
    return items.keyColumns();
  }

  /** Layout of the query tower's input. */
  public InputSchema querySchema() {
    return queries.schema();
  }

  /** Layout of the item tower's input. */
  public InputSchema itemSchema() {
    return items.schema();
  }

  /** Encoder of items. */
  public ItemEncoder items() {
    return items;
  }

  /** Encoder of queries while serving. */
  public QueryEncoder queries() {
    return queries;
  }

  /**
   * Encoder of the data set's queries at moments of their history, for training and evaluation:
   * attributes are encoded once, contexts as asked.
   */
  public EventEncoder events(Dataset dataset) {
    return new DatasetEvents(queries, dataset);
  }

  /**
   * Where the rows of an embedding table were in the tables of earlier encoders.
   *
   * @param table of these encoders
   * @return [rows] of the earlier table: for a value, the row of the same value; for any other row,
   *     the same row where both tables are as long; -1 where there is none
   */
  public int[] rowsIn(Features earlier, InputSchema.TableShape table) {
    int[] rows = new int[table.rows()];
    Arrays.fill(rows, -1);
    InputSchema.TableShape before = earlier.table(table.name());
    if (before == null || before.dim() != table.dim()) {
      return rows;
    }
    Vocabulary vocabulary = vocabularies.get(table.name());
    Vocabulary old = earlier.vocabularies.get(table.name());
    if (vocabulary == null || old == null) {
      boolean same = vocabulary == null && old == null && before.rows() == table.rows();
      if (same) {
        Arrays.setAll(rows, row -> row);
      }
      return rows;
    }
    int others = Math.min(vocabulary.oovBuckets(), old.oovBuckets());
    for (int row = 0; row < others; row++) {
      rows[row] = row;
    }
    for (int value = 0; value < vocabulary.values().size(); value++) {
      int index = old.values().indexOf(vocabulary.values().key(value));
      rows[vocabulary.oovBuckets() + value] = index < 0 ? -1 : old.oovBuckets() + index;
    }
    return rows;
  }

  /** An embedding table of either side by its name; null where there is none. */
  public InputSchema.@Nullable TableShape table(String name) {
    return Stream.of(querySchema(), itemSchema())
        .flatMap(schema -> schema.slots().stream())
        .map(InputSchema.Slot::table)
        .filter(table -> table.name().equals(name))
        .findFirst()
        .orElse(null);
  }

  /** Writes the encoders into an existing, empty folder. */
  public void write(Path folder) {
    FeaturesState.write(state, vocabularies, folder);
  }

  /**
   * Opens what {@link #write} wrote; vocabularies are memory-mapped.
   *
   * @throws DataException if files are missing, damaged or do not fit together
   */
  public static Features open(Path folder) {
    FeaturesState state = FeaturesState.read(folder);
    try {
      return new Features(state, FeaturesState.openVocabularies(state, folder));
    } catch (IllegalArgumentException | NullPointerException e) {
      throw new DataException(folder + ": the encoders do not fit together: " + e.getMessage(), e);
    }
  }

  private List<Encoder> encoders(String side, List<FeatureSpec> features) {
    List<Encoder> encoders = new ArrayList<>();
    for (FeatureSpec feature : features) {
      encoders.add(encoder(side + "." + feature.name(), feature, side));
    }
    return encoders;
  }

  private Encoder encoder(String name, FeatureSpec feature, String side) {
    if (feature instanceof FeatureSpec.Id id) {
      Vocabulary vocabulary = vocabulary(name);
      return new IdEncoder(id, vocabulary, table(name, vocabulary, id.dim()));
    }
    if (feature instanceof FeatureSpec.Bag bag) {
      Vocabulary vocabulary = vocabulary(name);
      return new BagEncoder(bag, vocabulary, table(name, vocabulary, bag.dim()));
    }
    if (feature instanceof FeatureSpec.Sequence sequence) {
      return sequence(sequence);
    }
    if (feature instanceof FeatureSpec.Numeric numeric) {
      NumericEncoder.Statistics statistics = statistics(name);
      boolean buckets = numeric.transform() == Transform.BUCKETIZE;
      return new NumericEncoder(
          numeric, statistics, buckets ? bucketTable(name, statistics, numeric.dim()) : null);
    }
    if (feature instanceof FeatureSpec.Text text) {
      return new TextEncoder(text, new InputSchema.TableShape(name, text.buckets(), text.dim()));
    }
    if (feature instanceof FeatureSpec.Timestamp timestamp) {
      boolean event = side.equals("query") && timestamp.column().equals(state.timeColumn());
      return new TimestampEncoder(timestamp, state.newest(), event);
    }
    throw new IllegalStateException("no encoder for " + feature);
  }

  private Encoder sequence(FeatureSpec.Sequence sequence) {
    for (FeatureSpec feature : state.spec().item()) {
      if (feature instanceof FeatureSpec.Id id && id.name().equals(sequence.of())) {
        String name = "item." + id.name();
        Vocabulary vocabulary = vocabulary(name);
        return new SequenceEncoder(sequence, vocabulary, table(name, vocabulary, id.dim()));
      }
    }
    throw new IllegalArgumentException(
        "sequence %s is of %s, expected the name of an id feature of the item side"
            .formatted(sequence.name(), sequence.of()));
  }

  private static InputSchema.TableShape bucketTable(
      String name, NumericEncoder.Statistics statistics, int dim) {
    return new InputSchema.TableShape(name, statistics.boundaries().length + 2, dim);
  }

  private static InputSchema.TableShape table(String name, Vocabulary vocabulary, int dim) {
    return new InputSchema.TableShape(name, vocabulary.rows(), dim, vocabulary.oovBuckets());
  }

  private Vocabulary vocabulary(String name) {
    return found(name, vocabularies.get(name));
  }

  private NumericEncoder.Statistics statistics(String name) {
    return found(name, state.statistics().get(name));
  }

  private static <T> T found(String name, @Nullable T part) {
    if (part == null) {
      throw new IllegalArgumentException("nothing was fitted for the feature " + name);
    }
    return part;
  }

  private static long newest(Interactions train) {
    long newest = train.size() == 0 ? 0 : Long.MIN_VALUE;
    for (int position = 0; position < train.size(); position++) {
      newest = Math.max(newest, train.time(position));
    }
    return newest;
  }
}
