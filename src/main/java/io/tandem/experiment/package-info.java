/**
 * Several trainings for one answer: models side by side on one split, and the search for good
 * settings. What is done is recorded, so that a repeated call goes on where it was stopped.
 *
 * <p>May use: config, data, feature, tower, loss, artifact, evaluation, training.
 */
@NullMarked
package io.tandem.experiment;

import org.jspecify.annotations.NullMarked;
