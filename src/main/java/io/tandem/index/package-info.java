/**
 * Nearest neighbours by dot product: the {@code VectorIndex} contract and exact search.
 *
 * <p>May use: config.
 */
@NullMarked
package io.tandem.index;

import org.jspecify.annotations.NullMarked;
