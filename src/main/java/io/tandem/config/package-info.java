/**
 * The model specification and settings: records, each default at its field, all problems reported
 * at once.
 *
 * <p>May use: nothing of Tandem.
 */
@NullMarked
package io.tandem.config;

import org.jspecify.annotations.NullMarked;
