/**
 * What retrievers do, as Micrometer meters; all that needs Micrometer on the class path.
 *
 * <p>May use: retrieval.
 */
@NullMarked
package io.tandem.metrics;

import org.jspecify.annotations.NullMarked;
