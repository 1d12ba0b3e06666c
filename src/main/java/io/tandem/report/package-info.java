/**
 * Results as tables, plots and one self-contained page.
 *
 * <p>May use: results only.
 */
@NullMarked
package io.tandem.report;

import org.jspecify.annotations.NullMarked;
