package io.tandem.filter;

import io.tandem.config.FeatureSpec;
import io.tandem.data.Attributes;
import io.tandem.data.Rows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Random items with a column of every kind, handed out in small chunks. */
final class Items implements Attributes {
  static final String TEXT = "text";
  static final String BAG = "bag";
  static final String LIST = "list";
  static final String NUMBER = "number";
  static final String TEXT_NUMBER = "textNumber";
  static final String TIME = "time";

  static final List<FeatureSpec> FEATURES =
      List.of(
          new FeatureSpec.Bag(BAG, BAG, "|", 4, 1, 1, FeatureSpec.Pooling.MEAN),
          new FeatureSpec.Numeric(TEXT_NUMBER, TEXT_NUMBER, FeatureSpec.Transform.NONE, 0, 0));

  private static final int CHUNK = 100;

  final List<Item> items = new ArrayList<>();

  /** What an item holds, as the definition reads it. */
  record Item(
      Map<String, List<String>> texts, Map<String, Double> numbers, Map<String, Object> raw) {}

  Items(int count, long seed) {
    Random random = new Random(seed);
    for (int i = 0; i < count; i++) {
      Map<String, List<String>> texts = new HashMap<>();
      Map<String, Double> numbers = new HashMap<>();
      Map<String, Object> raw = new HashMap<>();
      if (random.nextInt(5) > 0) {
        String text = word(random);
        raw.put(TEXT, text);
        texts.put(TEXT, List.of(text));
      }
      List<String> words =
          random.ints(random.nextInt(4), 0, 3).mapToObj(n -> word(random)).toList();
      raw.put(BAG, String.join(" | ", words) + (random.nextBoolean() ? "||" : ""));
      texts.put(BAG, words);
      if (random.nextInt(5) > 0) {
        raw.put(LIST, words);
        texts.put(LIST, words);
      }
      if (random.nextInt(5) > 0) {
        double number = random.nextInt(10) == 0 ? 7.25 : random.nextInt(12) - 2;
        raw.put(NUMBER, number);
        numbers.put(NUMBER, number);
      }
      if (random.nextInt(5) > 0) {
        int number = random.nextInt(9);
        raw.put(TEXT_NUMBER, " " + number);
        numbers.put(TEXT_NUMBER, (double) number);
      }
      if (random.nextInt(5) > 0) {
        long time = random.nextInt(3) * 86_400L + random.nextInt(2) * 5L;
        raw.put(TIME, time);
        numbers.put(TIME, (double) time);
      }
      items.add(new Item(texts, numbers, raw));
    }
  }

  static boolean isOrdered(String column) {
    return List.of(NUMBER, TEXT_NUMBER, TIME).contains(column);
  }

  @Override
  public int size() {
    return items.size();
  }

  @Override
  public void forEachChunk(Consumer<Rows> consumer) {
    for (int from = 0; from < items.size(); from += CHUNK) {
      consumer.accept(rows(items.subList(from, Math.min(items.size(), from + CHUNK))));
    }
  }

  static Rows rows(List<Item> chunk) {
    int n = chunk.size();
    Map<String, Rows.Column> columns = new LinkedHashMap<>();
    String[] keys = new String[n];
    Arrays.setAll(keys, i -> "key" + i);
    columns.put("key", new Rows.Column.Text(keys));
    for (String column : List.of(TEXT, BAG, TEXT_NUMBER)) {
      @Nullable String[] values = new String[n];
      Arrays.setAll(values, i -> (String) chunk.get(i).raw().get(column));
      columns.put(column, new Rows.Column.Text(values));
    }
    String[] @Nullable [] lists = new String[n][];
    double[] numbers = new double[n];
    long[] times = new long[n];
    for (int i = 0; i < n; i++) {
      Map<String, Object> raw = chunk.get(i).raw();
      lists[i] = raw.get(LIST) instanceof List<?> list ? list.toArray(String[]::new) : null;
      numbers[i] = chunk.get(i).numbers().getOrDefault(NUMBER, Double.NaN);
      times[i] = raw.get(TIME) instanceof Long time ? time : Long.MIN_VALUE;
    }
    columns.put(LIST, new Rows.Column.TextList(lists));
    columns.put(NUMBER, new Rows.Column.Numbers(numbers));
    columns.put(TIME, new Rows.Column.Times(times));
    return new Rows(keys, columns);
  }

  private static String word(Random random) {
    return List.of("a", "b", "c", "ab", "7").get(random.nextInt(5));
  }
}
