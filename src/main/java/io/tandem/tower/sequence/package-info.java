/**
 * Causal encoders of item sequences: the transformer of SASRec, GRU and attention pooling, as
 * Deeplearning4j layers whose passes run on packed positions.
 *
 * <p>Matrices of activations lie channel by channel ({@link io.tandem.tower.sequence.Columns}): a
 * channel's values at all positions are contiguous, so that every step but the matrix products is a
 * loop over positions with one index, which is the only form that the JIT turns into vector
 * instructions with several arrays.
 *
 * <p>May use: config, data, loss.
 */
@NullMarked
package io.tandem.tower.sequence;

import org.jspecify.annotations.NullMarked;
