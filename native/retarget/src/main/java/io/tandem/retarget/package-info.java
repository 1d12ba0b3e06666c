/**
 * Gives ND4J's CUDA back end machine code for GPUs newer than it is: its PTX is assembled ahead of
 * time and put in the place of the machine code for older GPUs. Uses nothing of the engine.
 */
@NullMarked
package io.tandem.retarget;

import org.jspecify.annotations.NullMarked;
