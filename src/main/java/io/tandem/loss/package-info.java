/**
 * Losses over matrices of embeddings: pure functions that give a loss and its gradients.
 *
 * <p>May use: nothing of Tandem.
 */
@NullMarked
package io.tandem.loss;

import org.jspecify.annotations.NullMarked;
