package io.tandem.spark;

import io.tandem.data.Rows;
import io.tandem.filter.Filter;
import io.tandem.retrieval.Hit;
import io.tandem.retrieval.Query;
import io.tandem.retrieval.Retrieve;
import io.tandem.retrieval.Retriever;
import java.io.Serializable;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * The best items of every query: rows of (query, rank, item, score), rank from 1. Each executor
 * opens the version once, as a service does, and answers what a service would: known queries bring
 * their stored history unless the table has one.
 */
public final class BulkRetrieval {
  static final StructType SCHEMA =
      new StructType()
          .add("query", DataTypes.StringType, false)
          .add("rank", DataTypes.IntegerType, false)
          .add("item", DataTypes.StringType, false)
          .add("score", DataTypes.FloatType, false);

  /** Queries answered together. */
  private static final int CHUNK = 256;

  private BulkRetrieval() {}

  /** What happens to items that a query touched before. */
  public enum Seen {
    KEPT,
    EXCLUDED
  }

  /**
   * What is asked for every query.
   *
   * @param k items, at least 1
   * @param filter condition on items, as {@link Filter#parse} takes it; empty for none
   */
  public record Request(int k, Seen seen, String filter) implements Serializable {
    public Request {
      if (k < 1) {
        throw new IllegalArgumentException("expected k of at least 1, found " + k);
      }
      if (!filter.isEmpty()) {
        // A mistake is told before any work begins.
        Filter.parse(filter);
      }
    }

    Retrieve retrieve() {
      Retrieve retrieve = Retrieve.top(k);
      if (seen == Seen.EXCLUDED) {
        retrieve = retrieve.excludeSeen();
      }
      return filter.isEmpty() ? retrieve : retrieve.where(Filter.parse(filter));
    }
  }

  /**
   * Answers every query.
   *
   * @param queries any table with the columns that the query features read; sequences by the
   *     feature's name, as arrays
   * @param key column of the query's key
   * @param model that the executors use
   */
  public static Dataset<Row> retrieve(
      Dataset<Row> queries, String key, VersionFiles model, Request request) {
    Table table = Table.of(queries, key);
    return table
        .rows()
        .mapPartitions(new Answer(table.layout(), model, request), Encoders.row(SCHEMA));
  }

  /** What runs on the executors. */
  record Answer(Table.Layout layout, VersionFiles model, Request request)
      implements MapPartitionsFunction<Row, Row> {
    @Override
    public Iterator<Row> call(Iterator<Row> rows) {
      Retriever retriever = ExecutorModels.retriever(model);
      Retrieve asked = request.retrieve();
      return new Chunks(rows, CHUNK, chunk -> answer(layout.chunk(chunk), retriever, asked));
    }

    private static List<Row> answer(Rows rows, Retriever retriever, Retrieve asked) {
      List<Query> queries = new ArrayList<>(rows.size());
      for (int row = 0; row < rows.size(); row++) {
        queries.add(query(rows, row));
      }
      List<List<Hit>> answers = retriever.retrieve(queries, asked);
      List<Row> hits = new ArrayList<>();
      for (int row = 0; row < rows.size(); row++) {
        int rank = 1;
        for (Hit hit : answers.get(row)) {
          hits.add(RowFactory.create(rows.keys()[row], rank++, hit.item(), hit.score()));
        }
      }
      return hits;
    }

    private static Query query(Rows rows, int row) {
      Query.Builder query = Query.builder();
      for (Map.Entry<String, Rows.Column> entry : rows.columns().entrySet()) {
        String name = entry.getKey();
        Rows.Column column = entry.getValue();
        if (column instanceof Rows.Column.Text text && text.values()[row] != null) {
          query.put(name, String.valueOf(text.values()[row]));
        } else if (column instanceof Rows.Column.Numbers numbers
            && !Double.isNaN(numbers.values()[row])) {
          query.put(name, numbers.values()[row]);
        } else if (column instanceof Rows.Column.Times times
            && times.values()[row] != Long.MIN_VALUE) {
          query.putTime(name, Instant.ofEpochSecond(times.values()[row]));
        } else if (column instanceof Rows.Column.TextList lists) {
          String[] values = lists.values()[row];
          if (values != null) {
            query.putSequence(name, Arrays.asList(values));
          }
        }
      }
      return query.build();
    }
  }
}
