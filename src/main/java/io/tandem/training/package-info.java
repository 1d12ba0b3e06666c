/**
 * The training loop: batches, optimizers, validation, checkpoints and resumption.
 *
 * <p>May use: config, data, feature, tower, loss, baseline, evaluation, artifact.
 */
@NullMarked
package io.tandem.training;

import org.jspecify.annotations.NullMarked;
