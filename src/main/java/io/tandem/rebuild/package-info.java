/**
 * The nightly job: embed the catalogue, build its index, prove it good, publish it.
 *
 * <p>May use: config, data, feature, artifact, evaluation.
 */
@NullMarked
package io.tandem.rebuild;

import org.jspecify.annotations.NullMarked;
