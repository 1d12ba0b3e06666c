package io.tandem.retrieval;

import io.tandem.data.Attributes;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.data.KeyTable;
import io.tandem.data.Rows;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/**
 * A made-up market with as many items and queries as asked for: items of a category, with tags and
 * a price; queries that like some categories and tags, and touch items that fit. Departments,
 * categories and tags are popular by Zipf's law and lie near each other in a hidden space, so that
 * towers have something to learn. What an item or query is depends on its number alone.
 */
final class MarketWorld {
  private static final int HIDDEN = 24;
  private static final int DEPARTMENTS = 40;
  private static final int CATEGORIES = 600;
  private static final int TAGS = 4000;

  /** Items that a query sees before it touches one. */
  private static final int SEEN = 60;

  private static final int CHUNK = 1 << 14;

  private final float[][] categories = new float[CATEGORIES][];
  private final float[][] tags = new float[TAGS][];
  private final float[] price;

  MarketWorld() {
    SplittableRandom random = new SplittableRandom(1);
    float[][] departments = new float[DEPARTMENTS][];
    Arrays.setAll(departments, i -> gaussian(random, 1));
    Arrays.setAll(categories, i -> sum(departments[i % DEPARTMENTS], gaussian(random, 0.7f)));
    Arrays.setAll(tags, i -> sum(departments[i % DEPARTMENTS], gaussian(random, 1)));
    price = gaussian(random, 0.4f);
  }

  /** What an item is. */
  private record Item(int category, int[] tags, double price) {}

  /** What a query likes. */
  record Taste(int[] categories, int[] tags) {
    /** By the names that the query tower's features have. */
    Query query() {
      return Query.builder()
          .put("likes", joined(categories))
          .put("interests", joined(tags))
          .build();
    }
  }

  private static Item item(int number) {
    SplittableRandom random = new SplittableRandom(0x17E4_0000_0000L + number);
    int category = zipf(random, CATEGORIES);
    int[] tags = new int[3 + random.nextInt(6)];
    for (int i = 0; i < tags.length; i++) {
      tags[i] = tag(random, category % DEPARTMENTS);
    }
    return new Item(category, tags, Math.exp(random.nextGaussian()));
  }

  static Taste taste(int number) {
    SplittableRandom random = new SplittableRandom(0x7A57_0000_0000L + number);
    int[] liked = new int[1 + random.nextInt(4)];
    int[] tags = new int[2 + random.nextInt(8)];
    for (int i = 0; i < liked.length; i++) {
      liked[i] = zipf(random, CATEGORIES);
    }
    for (int i = 0; i < tags.length; i++) {
      tags[i] = tag(random, liked[random.nextInt(liked.length)] % DEPARTMENTS);
    }
    return new Taste(liked, tags);
  }

  /** Seven of ten tags are of the department. */
  private static int tag(SplittableRandom random, int department) {
    return random.nextInt(10) < 7
        ? zipf(random, TAGS / DEPARTMENTS) * DEPARTMENTS + department
        : zipf(random, TAGS);
  }

  /**
   * Queries and what they touched, all of it for training.
   *
   * @param firstItem number of the first of {@code items} items
   * @param firstQuery number of the first of {@code queries} queries
   * @param perQuery interactions of each query
   */
  Dataset dataset(int firstItem, int items, int firstQuery, int queries, int perQuery) {
    float[][] hidden = new float[items][];
    Arrays.parallelSetAll(hidden, i -> hidden(item(firstItem + i)));
    int[] offsets = new int[queries + 1];
    Arrays.setAll(offsets, i -> i * perQuery);
    int[] touched = new int[queries * perQuery];
    for (int query = 0; query < queries; query++) {
      Taste taste = taste(firstQuery + query);
      float[] wanted = mean(mean(categories, taste.categories), mean(tags, taste.tags));
      SplittableRandom random = new SplittableRandom(firstQuery + query);
      for (int i = 0; i < perQuery; i++) {
        touched[query * perQuery + i] = choose(wanted, hidden, random);
      }
    }
    Interactions none =
        new Interactions(new int[queries + 1], new int[0], new long[0], new float[0]);
    return new Dataset(
        keys("user-", firstQuery, queries),
        keys("item-", firstItem, items),
        new Numbered(
            queries, from -> queryRows(firstQuery + from, Math.min(CHUNK, queries - from))),
        new Numbered(items, from -> itemRows(firstItem + from, Math.min(CHUNK, items - from))),
        new Dataset.Split(
            new Interactions(offsets, touched, new long[0], new float[0]), none, none));
  }

  /** The item that fits best of some that were seen, but for chance. */
  private static int choose(float[] wanted, float[][] hidden, SplittableRandom random) {
    int best = 0;
    double highest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < SEEN; i++) {
      int item = random.nextInt(hidden.length);
      double fit = 0;
      for (int j = 0; j < HIDDEN; j++) {
        fit += wanted[j] * hidden[item][j];
      }
      fit += -Math.log(-Math.log(random.nextDouble(1e-12, 1)));
      if (fit > highest) {
        highest = fit;
        best = item;
      }
    }
    return best;
  }

  private float[] hidden(Item item) {
    float[] sum = sum(categories[item.category], mean(tags, item.tags));
    for (int i = 0; i < HIDDEN; i++) {
      sum[i] += price[i] * (float) Math.log(item.price);
    }
    return sum;
  }

  static Rows itemRows(int first, int count) {
    Item[] items = new Item[count];
    Arrays.setAll(items, i -> item(first + i));
    String[] keys = names("item-", first, count);
    double[] prices = Arrays.stream(items).mapToDouble(Item::price).toArray();
    return new Rows(
        keys,
        new TreeMap<>(
            Map.of(
                "item",
                new Rows.Column.Text(keys),
                "category",
                new Rows.Column.Text(texts(count, i -> "" + items[i].category)),
                "tags",
                new Rows.Column.Text(texts(count, i -> joined(items[i].tags))),
                "price",
                new Rows.Column.Numbers(prices))));
  }

  static Rows queryRows(int first, int count) {
    Taste[] tastes = new Taste[count];
    Arrays.setAll(tastes, i -> taste(first + i));
    String[] keys = names("user-", first, count);
    return new Rows(
        keys,
        new TreeMap<>(
            Map.of(
                "user",
                new Rows.Column.Text(keys),
                "likes",
                new Rows.Column.Text(texts(count, i -> joined(tastes[i].categories))),
                "interests",
                new Rows.Column.Text(texts(count, i -> joined(tastes[i].tags))))));
  }

  private static String[] texts(int count, IntFunction<String> text) {
    String[] texts = new String[count];
    Arrays.setAll(texts, text);
    return texts;
  }

  private static String[] names(String prefix, int first, int count) {
    return texts(count, i -> prefix + (first + i));
  }

  private static KeyTable keys(String prefix, int first, int count) {
    KeyTable.Builder builder = new KeyTable.Builder();
    for (int i = 0; i < count; i++) {
      builder.add(prefix + (first + i));
    }
    return builder.build();
  }

  private static String joined(int[] values) {
    TreeSet<String> distinct = new TreeSet<>();
    Arrays.stream(values).forEach(value -> distinct.add("" + value));
    return String.join("|", distinct);
  }

  /** A rank below n, of a probability that falls with it. */
  private static int zipf(SplittableRandom random, int n) {
    return Math.min(n - 1, (int) (Math.exp(random.nextDouble() * Math.log(n + 1.0)) - 1));
  }

  private static float[] gaussian(SplittableRandom random, float scale) {
    float[] vector = new float[HIDDEN];
    for (int i = 0; i < HIDDEN; i++) {
      vector[i] = scale * (float) random.nextGaussian();
    }
    return vector;
  }

  private static float[] sum(float[] a, float[] b) {
    float[] sum = a.clone();
    for (int i = 0; i < HIDDEN; i++) {
      sum[i] += b[i];
    }
    return sum;
  }

  private static float[] mean(float[]... vectors) {
    int[] all = new int[vectors.length];
    Arrays.setAll(all, i -> i);
    return mean(vectors, all);
  }

  private static float[] mean(float[][] vectors, int[] chosen) {
    float[] mean = new float[HIDDEN];
    for (int which : chosen) {
      for (int i = 0; i < HIDDEN; i++) {
        mean[i] += vectors[which][i] / chosen.length;
      }
    }
    return mean;
  }

  /** A table whose chunks are made when they are read. */
  private record Numbered(int size, IntFunction<Rows> chunk) implements Attributes {
    @Override
    public void forEachChunk(Consumer<Rows> consumer) {
      for (int from = 0; from < size; from += CHUNK) {
        consumer.accept(chunk.apply(from));
      }
    }
  }
}
