/**
 * FAISS behind {@code VectorIndex}: the only package that sees native index types.
 *
 * <p>May use: config, index and the binding.
 */
@NullMarked
package io.tandem.index.faiss;

import org.jspecify.annotations.NullMarked;
