package io.tandem.data;

import io.tandem.config.DataSpec;
import io.tandem.config.DataSpec.EntitySpec;
import io.tandem.config.DataSpec.InteractionsSpec;
import io.tandem.config.SplitSpec;
import io.tandem.data.EventTable.Events;
import org.jspecify.annotations.Nullable;

/** Reads what a specification's data section names. */
public final class DatasetReader {
  private DatasetReader() {}

  /**
   * Reads, encodes and splits.
   *
   * @throws DataException for data that cannot be used, naming the source, the place in it, what
   *     was expected and what was found
   */
  public static Dataset read(DataSpec spec) {
    return read(spec, Items.ALL);
  }

  /** Which items a data set has. */
  public enum Items {
    /** Those of the item source and those that only interactions know. */
    ALL,
    /**
     * Those of the item source: interactions with others are left out. All, where there is no item
     * source.
     */
    CATALOGUE
  }

  /** Reads, encodes and splits. */
  public static Dataset read(DataSpec spec, Items which) {
    Database database = new Database();
    try {
      return read(database, spec, which);
    } catch (Database.SqlFailure e) {
      database.close();
      throw new DataException(Explanation.firstLine(e.reason()), e);
    } catch (RuntimeException | Error e) {
      database.close();
      throw e;
    }
  }

  /**
   * Keys and attributes of one side, without interactions.
   *
   * @param attributes belongs to the caller
   */
  public record Catalogue(KeyTable keys, Attributes attributes) implements AutoCloseable {
    @Override
    public void close() {
      attributes.close();
    }
  }

  /** Reads the items or queries of a source alone. */
  public static Catalogue readCatalogue(EntitySpec spec) {
    Database database = new Database();
    try {
      EntityTable table = new EntityTable(database, spec);
      KeyTable.Builder builder = new KeyTable.Builder();
      table.addKeys(builder);
      KeyTable keys = builder.build();
      table.complete(keys);
      return new Catalogue(keys, table);
    } catch (Database.SqlFailure e) {
      database.close();
      throw new DataException(Explanation.firstLine(e.reason()), e);
    } catch (RuntimeException | Error e) {
      database.close();
      throw e;
    }
  }

  private static Dataset read(Database database, DataSpec spec, Items which) {
    EntityTable queries = entities(database, spec.queries(), spec.interactions().query());
    EntityTable items = entities(database, spec.items(), spec.interactions().item());
    KeyTable.Builder queryKeys = new KeyTable.Builder();
    KeyTable.Builder itemKeys = new KeyTable.Builder();
    queries.addKeys(queryKeys);
    items.addKeys(itemKeys);

    InteractionsSpec interactions = spec.interactions();
    boolean closed = which == Items.CATALOGUE && spec.items() != null;
    EventTable.Keys keys = new EventTable.Keys(queryKeys, itemKeys, closed);
    Events events = new EventTable(database, interactions, interactions.source()).read(keys);
    Events validation = null;
    Events test = null;
    if (spec.split() instanceof SplitSpec.Provided provided) {
      if (provided.validationSource() != null) {
        validation = new EventTable(database, interactions, provided.validationSource()).read(keys);
      }
      test = new EventTable(database, interactions, provided.test()).read(keys);
    }
    KeyTable allQueries = queryKeys.build();
    KeyTable allItems = itemKeys.build();
    queries.complete(allQueries);
    items.complete(allItems);
    Splitter splitter = new Splitter(allQueries.size());
    return new Dataset(
        allQueries,
        allItems,
        queries,
        items,
        splitter.split(spec.split(), events, validation, test));
  }

  private static EntityTable entities(
      Database database, @Nullable EntitySpec spec, String keyColumn) {
    return spec == null ? new EntityTable(database, keyColumn) : new EntityTable(database, spec);
  }
}
