// All kernels in one module, which Java loads through the driver.
#include "dense.cuh"
#include "embedding.cuh"
#include "softmax.cuh"
#include "softmax_hopper.cuh"
