/**
 * Reads interactions, queries and items through SQL, encodes them once into compact columns, and
 * splits them.
 *
 * <p>May use: config.
 */
@NullMarked
package io.tandem.data;

import org.jspecify.annotations.NullMarked;
