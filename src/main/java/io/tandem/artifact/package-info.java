/**
 * A version on disk: towers, vocabularies, index and a manifest of checksums; publish, open, roll
 * back.
 *
 * <p>May use: config, data, feature, filter, tower, index.
 */
@NullMarked
package io.tandem.artifact;

import org.jspecify.annotations.NullMarked;
