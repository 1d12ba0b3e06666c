/**
 * Popularity and matrix factorization, the models that two towers must beat.
 *
 * <p>May use: config, data.
 */
@NullMarked
package io.tandem.baseline;

import org.jspecify.annotations.NullMarked;
