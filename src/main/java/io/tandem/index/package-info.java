/**
 * Nearest neighbours by dot product: the {@code VectorIndex} contract and exact search.
 *
 * <p>May use: nothing of Tandem.
 */
@NullMarked
package io.tandem.index;

import org.jspecify.annotations.NullMarked;
