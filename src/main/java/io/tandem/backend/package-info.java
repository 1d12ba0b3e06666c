/**
 * What depends on ND4J's back end, CPU or CUDA: access to an array's numbers from Java, and what of
 * a machine a back end can use. May use nothing else of the engine.
 */
@NullMarked
package io.tandem.backend;

import org.jspecify.annotations.NullMarked;
