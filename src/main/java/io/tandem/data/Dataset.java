package io.tandem.data;

/**
 * What a specification's data section reads: keys, attributes and split interactions. Closing frees
 * what attributes are read from.
 *
 * @param queryKeys all queries: rows of the query source first, then those only seen in
 *     interactions, in order of first appearance
 * @param itemKeys all items, likewise
 * @param queries attributes by query number
 * @param items attributes by item number
 */
public record Dataset(
    KeyTable queryKeys, KeyTable itemKeys, Attributes queries, Attributes items, Split split)
    implements AutoCloseable {

  @Override
  public void close() {
    queries.close();
    items.close();
  }

  /** The same data with the validation part given to training. Closing either closes both. */
  public Dataset withValidationInTraining() {
    Split whole =
        new Split(Interactions.merged(split.train(), split.validation()), none(), split.test());
    return new Dataset(queryKeys, itemKeys, queries, items, whole);
  }

  /** The same data without the test part. Closing either closes both. */
  public Dataset withoutTest() {
    Split known = new Split(split.train(), split.validation(), none());
    return new Dataset(queryKeys, itemKeys, queries, items, known);
  }

  private Interactions none() {
    return new Interactions(new int[queryKeys.size() + 1], new int[0], new long[0], new float[0]);
  }

  /**
   * Three disjoint parts over the same numbers. History of a test event is training and validation.
   */
  public record Split(Interactions train, Interactions validation, Interactions test) {}
}
