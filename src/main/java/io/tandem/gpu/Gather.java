package io.tandem.gpu;

/**
 * Rows of an embedding table that are pooled into columns of a matrix. Each row of the matrix has a
 * segment for each of the columns, and segment s = row × segments + j gives
 *
 * <p>out[row, columns[j] + i] = Σ_e weights[e] table[ids[e], i] for i below dim, over the segment's
 * values, which are offsets[s] until offsets[s + 1].
 *
 * @param table [any, dim]
 * @param columns [segments] where each begins; none overlap, and all end within {@code width}:
 *     whoever sends them checks
 * @param offsets [rows × segments + 1], rising
 * @param ids rows of the table
 * @param out [rows, width]
 * @param adds whether to what is there
 */
public record Gather(
    Floats table,
    int dim,
    Ints columns,
    Ints offsets,
    Ints ids,
    Floats weights,
    int rows,
    Floats out,
    int width,
    boolean adds) {
  public Gather {
    Check.that(rows > 0, "rows (%d) must be > 0", rows);
    Check.that(dim > 0 && dim <= width, "dim (%d) must be from 1 to the width, %d", dim, width);
    Check.that(columns.length() > 0, "expected a column at least");
    Check.length("offsets", offsets, rows * columns.length() + 1);
    Check.length("out", out, (long) rows * width);
  }

  /** Segments of a row. */
  int segments() {
    return (int) columns.length();
  }
}
