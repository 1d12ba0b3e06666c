/**
 * Embedding tables under Deeplearning4j networks; batch embedding; export to plain weights.
 *
 * <p>May use: config, data, feature, baseline, loss.
 */
@NullMarked
package io.tandem.tower;

import org.jspecify.annotations.NullMarked;
