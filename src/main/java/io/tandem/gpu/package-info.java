/**
 * What a training step asks of a device: its memory, and kernels over it. {@link
 * io.tandem.gpu.ReferenceDevice} computes them in plain Java, {@link io.tandem.gpu.CudaDevice} on
 * an NVIDIA GPU through the driver.
 *
 * <p>May use: nothing of Tandem.
 */
@NullMarked
package io.tandem.gpu;

import org.jspecify.annotations.NullMarked;
