/**
 * Conditions on item attributes: built in Java or read from text, and evaluated over bitmap columns
 * that a version holds.
 *
 * <p>May use: config, data, feature, index.
 */
@NullMarked
package io.tandem.filter;

import org.jspecify.annotations.NullMarked;
