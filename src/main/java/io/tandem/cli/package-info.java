/**
 * The {@code tandem} commands; nothing depends on it.
 *
 * <p>May use: everything.
 */
@NullMarked
package io.tandem.cli;

import org.jspecify.annotations.NullMarked;
