/**
 * The embedded API: ask for the items nearest to a query.
 *
 * <p>May use: artifact, data, feature, filter, tower, index.
 */
@NullMarked
package io.tandem.retrieval;

import org.jspecify.annotations.NullMarked;
