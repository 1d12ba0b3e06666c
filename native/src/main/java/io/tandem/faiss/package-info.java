/**
 * Loads FAISS and makes its calls safe to use from Java; the calls themselves are the generated
 * classes of {@code io.tandem.faiss.binding}. May use those, and nothing else of Tandem.
 */
@NullMarked
package io.tandem.faiss;

import org.jspecify.annotations.NullMarked;
