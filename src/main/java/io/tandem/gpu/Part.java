package io.tandem.gpu;

/**
 * Which of a batch's rows a rank has. Parts are equally long: rows are padded at the end, so that
 * they are a multiple of the ranks.
 *
 * @param rank from 0
 * @param size how many ranks there are
 */
public record Part(int rank, int size) {
  /** Everything. */
  public static final Part WHOLE = new Part(0, 1);

  /** Rows of each part, with what is padded. */
  public int rows(int all) {
    return (all + size - 1) / size;
  }

  /** First row, counting those of all. */
  public int from(int all) {
    return Math.min(all, rank * rows(all));
  }

  /** Where it ends before what is padded. */
  public int to(int all) {
    return Math.min(all, (rank + 1) * rows(all));
  }
}
