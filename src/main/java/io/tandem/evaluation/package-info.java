/**
 * Full-corpus ranking metrics and index recall.
 *
 * <p>May use: data, index.
 */
@NullMarked
package io.tandem.evaluation;

import org.jspecify.annotations.NullMarked;
