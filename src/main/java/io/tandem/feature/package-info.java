/**
 * Vocabularies and encoders: raw attributes to tower inputs, one implementation for training and
 * serving.
 *
 * <p>May use: config, data.
 */
@NullMarked
package io.tandem.feature;

import org.jspecify.annotations.NullMarked;
