/**
 * The training loop: batches, optimizers, validation, checkpoints and resumption.
 *
 * <p>May use: config, data, feature, gpu, tower, loss, baseline, evaluation, index, artifact,
 * backend.
 */
@NullMarked
package io.tandem.training;

import org.jspecify.annotations.NullMarked;
