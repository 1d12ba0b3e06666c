/** Stub. */
@NullMarked
package io.tandem.tower.sequence;

import org.jspecify.annotations.NullMarked;
