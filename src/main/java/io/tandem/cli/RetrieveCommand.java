package io.tandem.cli;

import com.google.common.base.Splitter;
import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
import io.tandem.config.FeatureSpec;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.filter.Filter;
import io.tandem.report.Table;
import io.tandem.retrieval.Hit;
import io.tandem.retrieval.Query;
import io.tandem.retrieval.Retrieve;
import io.tandem.retrieval.Retriever;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "retrieve",
    mixinStandardHelpOptions = true,
    description = "Finds the items nearest to a query in the current version of a store.",
    footer = {
      "",
      "A query's key brings its stored history along; a sequence given here replaces it. Queries",
      "never seen in training are answered from what is given.",
      "",
      "  tandem retrieve store --query userId=15 --exclude-seen --show title",
      "  tandem retrieve store --query history=260,1196,1210 -k 5",
      "  tandem retrieve store --query userId=15 --filter \"genres = 'Drama' and year >= 1990\""
    })
final class RetrieveCommand implements Callable<Integer> {

  @Mixin StoreArgument argument = new StoreArgument();

  @Option(
      names = "--query",
      paramLabel = "KEY=VALUE",
      required = true,
      description = "A column or sequence of the query; a sequence's items are parted by commas.")
  Map<String, String> values = new LinkedHashMap<>();

  @Option(names = "-k", paramLabel = "K", description = "How many items (default: 10).")
  int k = 10;

  @Option(names = "--exclude-seen", description = "Leave out what the query touched before.")
  boolean excludeSeen;

  @Option(
      names = "--exclude",
      split = ",",
      paramLabel = "ITEM",
      description = "Leave out these items.")
  List<String> excluded = List.of();

  @Option(
      names = "--filter",
      paramLabel = "CONDITION",
      description = {
        "Only items that satisfy a condition, such as",
        "genres = 'Drama' and 1990 <= year < 2000 and not title in ('A', 'B')"
      })
  @Nullable String filter;

  @Option(
      names = "--show",
      split = ",",
      paramLabel = "COLUMN",
      description = "Attributes of the items to show.")
  List<String> shown = List.of();

  @Mixin JsonOutput output = new JsonOutput();

  /** A hit with what is shown of it. */
  record Shown(String item, float score, Map<String, String> attributes) {}

  @Override
  public Integer call() {
    PrintWriter out = output.text();
    Store store = argument.open();
    ModelSpec spec = SpecReader.read(store.current().spec(), Map.of());
    Set<String> lists = new HashSet<>();
    for (FeatureSpec feature : spec.features().query()) {
      if (feature instanceof FeatureSpec.Sequence) {
        lists.add(feature.name());
      }
    }
    Query.Builder query = Query.builder();
    values.forEach(
        (key, value) -> {
          if (lists.contains(key)) {
            query.putSequence(key, Splitter.on(',').splitToList(value));
          } else {
            query.put(key, value);
          }
        });
    Retrieve request = Retrieve.top(k).exclude(excluded);
    if (excludeSeen) {
      request = request.excludeSeen();
    }
    if (filter != null) {
      request = request.where(Filter.parse(filter));
    }
    printHistory(store, spec, lists, out);
    try (Retriever retriever = Retriever.open(argument.folder)) {
      long begin = System.nanoTime();
      List<Hit> hits = retriever.retrieve(query.build(), request);
      double millis = (System.nanoTime() - begin) / 1e6;
      List<Shown> results = new ArrayList<>();
      for (Hit hit : hits) {
        results.add(
            new Shown(hit.item(), hit.score(), attributes(retriever.attributes(hit.item()))));
      }
      out.printf(Locale.ROOT, "Retrieved (%.1f ms, first query of this process):%n", millis);
      out.print(table(results));
      out.flush();
      output.json(results);
    }
    return 0;
  }

  /** Shows what the query brings along: its newest items, by their attributes. */
  private void printHistory(Store store, ModelSpec spec, Set<String> lists, PrintWriter out) {
    try (OpenVersion open = store.current().open()) {
      List<Integer> rows = new ArrayList<>();
      String name = "";
      for (Map.Entry<String, String> value : values.entrySet()) {
        if (lists.contains(value.getKey())) {
          name = value.getKey();
          rows.clear();
          for (String item : Splitter.on(',').split(value.getValue())) {
            rows.add(open.items().indexOf(item));
          }
        } else if (name.isEmpty() && value.getKey().equals(spec.data().interactions().query())) {
          int query = open.history().query(value.getValue());
          for (int place = 0; query >= 0 && place < open.history().count(query); place++) {
            rows.add(open.history().row(query, place));
          }
        }
      }
      out.printf("Query %s, %d items in its history%n", values, rows.size());
      Table table = new Table(header("", "newest first"));
      int place = 1;
      for (int i = rows.size() - 1; i >= Math.max(0, rows.size() - 5); i--) {
        int row = rows.get(i);
        List<Object> cells = new ArrayList<>(List.of(place++));
        cells.add(row < 0 ? "(unknown item)" : open.items().key(row));
        for (String column : shown) {
          int at = open.texts().columns().indexOf(column);
          cells.add(row < 0 || at < 0 ? "" : open.texts().text(row, at));
        }
        table.row(cells.toArray());
      }
      if (place > 1) {
        out.print(table);
      }
    }
  }

  private Map<String, String> attributes(Map<String, String> all) {
    Map<String, String> kept = new LinkedHashMap<>();
    for (String column : shown) {
      if (!all.containsKey(column) && !all.isEmpty()) {
        throw new IllegalArgumentException(
            "--show: expected one of %s, found '%s'".formatted(all.keySet(), column));
      }
      kept.put(column, all.getOrDefault(column, ""));
    }
    return kept;
  }

  private Table table(List<Shown> results) {
    Table table = new Table(header("", "item", "score"));
    int rank = 1;
    for (Shown result : results) {
      List<Object> cells = new ArrayList<>();
      cells.add(rank++);
      cells.add(result.item());
      cells.add(result.score());
      cells.addAll(result.attributes().values());
      table.row(cells.toArray());
    }
    return table;
  }

  private String[] header(String... first) {
    List<String> header = new ArrayList<>(List.of(first));
    header.addAll(shown);
    return header.toArray(String[]::new);
  }
}
