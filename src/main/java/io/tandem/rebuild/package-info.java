/**
 * The nightly job: read and embed the catalogue, build its index, prove it good, publish it. {@link
 * io.tandem.rebuild.Rebuild} is its entry.
 *
 * <p>May use: config, data, feature, tower, artifact, evaluation, index, training, report.
 */
@NullMarked
package io.tandem.rebuild;

import org.jspecify.annotations.NullMarked;
