// Dense layers: matrix products, activations, normalisation, and optimizers of dense parameters. All matrices row-major.
#pragma once
#include "device.cuh"

enum Activation { IDENTITY = 0, RELU = 1, LEAKY_RELU = 2, TANH = 3, GELU = 4 };

__device__ __forceinline__ float activate(int kind, float x) {
  switch (kind) {
    case RELU: return x > 0 ? x : 0.0f;
    case LEAKY_RELU: return x >= 0 ? x : 0.01f * x;
    case TANH: return tanhf(x);
    case GELU: return x / (1 + expf(-1.702f * x));  // x sigmoid(1.702 x) (Hendrycks and Gimpel 2016, section 2)
    default: return x;
  }
}

// Derivative by x where y = f(x); GELU alone looks at x.
__device__ __forceinline__ float slope(int kind, float x, float y) {
  switch (kind) {
    case RELU: return y > 0 ? 1.0f : 0.0f;
    case LEAKY_RELU: return y >= 0 ? 1.0f : 0.01f;
    case TANH: return 1 - y * y;
    case GELU: {
      float s = 1 / (1 + expf(-1.702f * x));
      return s * (1 + 1.702f * x * (1 - s));
    }
    default: return 1.0f;
  }
}

// c = a b, a tile of 128 x 64 a block of 4 warps, 64 x 32 a warp; 32 of the depth at a time, the next on their way.
// A_BY_DEPTH: a is stored [k, m] instead of [m, k]; B_BY_DEPTH: b is stored [k, n] instead of [n, k].
// Shared tiles keep the order of storage, padded so that a warp's fragment reads hit 32 banks.
constexpr int GEMM_ROWS = 128;
constexpr int GEMM_COLUMNS = 64;
constexpr int GEMM_DEPTH = 32;
constexpr int GEMM_THREADS = 128;
constexpr int GEMM_STAGES = 2;

template <int LINES, bool BY_DEPTH>
struct Tile {
  static constexpr int LD = BY_DEPTH ? LINES + 8 : GEMM_DEPTH + 4;
  static constexpr int SIZE = BY_DEPTH ? GEMM_DEPTH * LD : LINES * LD;
  static __device__ __forceinline__ int at(int line, int k) { return BY_DEPTH ? k * LD + line : line * LD + k; }

  // Copies a tile, zeros where the matrix ends: four neighbours at a time where vector says that rows allow it.
  static __device__ __forceinline__ void copy(float* tile, const float* source, int lines, int k_end, int line0, int k0,
                                              int ld, bool vector) {
    constexpr int INNER = BY_DEPTH ? LINES : GEMM_DEPTH;
    int row_end = BY_DEPTH ? k_end : lines;
    int column_end = BY_DEPTH ? lines : k_end;
#pragma unroll 4
    for (int flat = threadIdx.x * 4; flat < LINES * GEMM_DEPTH; flat += GEMM_THREADS * 4) {
      int outer = flat / INNER;
      int inner = flat % INNER;
      int row = BY_DEPTH ? k0 + outer : line0 + outer;
      int column = BY_DEPTH ? line0 + inner : k0 + inner;
      const float* from = source + static_cast<int64_t>(row) * ld + column;
      float* to = tile + outer * LD + inner;
      if (vector) {
        int there = row < row_end ? max(0, min(4, column_end - column)) : 0;
        copy_async_some(to, there > 0 ? from : source, there * 4);
      } else {
#pragma unroll
        for (int i = 0; i < 4; i++) to[i] = row < row_end && column + i < column_end ? from[i] : 0.0f;
      }
    }
  }
};

template <bool A_BY_DEPTH, bool B_BY_DEPTH>
struct GemmShape {
  using A = Tile<GEMM_ROWS, A_BY_DEPTH>;
  using B = Tile<GEMM_COLUMNS, B_BY_DEPTH>;
  static constexpr int BYTES = GEMM_STAGES * (A::SIZE + B::SIZE) * 4;
};

// Nearest with 10 bits of mantissa, where what lies below is ignored; for finite numbers.
__device__ __forceinline__ uint32_t rounded_tf32(float value) { return __float_as_uint(value) + 0x1000u; }

// A warp's part of a product, its thread's first number at [row0, column0].
template <int ACTIVATION>
__device__ __forceinline__ void store_product(const float (&sums)[4][4][4], float* c, int m, int n, int row0, int column0,
                                              const float* bias, float* before) {
  bool pairs = ((n & 1) | (reinterpret_cast<uintptr_t>(c) & 7) | (reinterpret_cast<uintptr_t>(before) & 7)) == 0;
#pragma unroll
  for (int j = 0; j < 4; j++) {
    int column = column0 + j * 8;
    if (column >= n) continue;
    bool second = column + 1 < n;
    float2 added{bias == nullptr ? 0.0f : bias[column], bias == nullptr || !second ? 0.0f : bias[column + 1]};
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        int row = row0 + i * 16 + h * 8;
        if (row >= m) continue;
        int64_t place = static_cast<int64_t>(row) * n + column;
        float2 value{sums[i][j][h * 2] + added.x, sums[i][j][h * 2 + 1] + added.y};
        float2 active{activate(ACTIVATION, value.x), activate(ACTIVATION, value.y)};
        if (pairs) {
          if (before != nullptr) *reinterpret_cast<float2*>(before + place) = value;
          *reinterpret_cast<float2*>(c + place) = active;
          continue;
        }
        if (before != nullptr) before[place] = value.x;
        c[place] = active.x;
        if (second) {
          if (before != nullptr) before[place + 1] = value.y;
          c[place + 1] = active.y;
        }
      }
  }
}

// Depth is split over blockIdx.z, each part written to its own [m, n] of c. before, if not null, receives what enters
// the activation; bias, if not null, is added before it.
template <bool A_BY_DEPTH, bool B_BY_DEPTH, bool TENSOR>
__device__ __forceinline__ void gemm(const float* a, const float* b, float* c, int m, int n, int k, int lda, int ldb,
                                     int k_per_split, const float* bias, int activation, float* before,
                                     unsigned char* memory) {
  using TileA = typename GemmShape<A_BY_DEPTH, B_BY_DEPTH>::A;
  using TileB = typename GemmShape<A_BY_DEPTH, B_BY_DEPTH>::B;
  float* tiles_a = reinterpret_cast<float*>(memory);
  float* tiles_b = tiles_a + GEMM_STAGES * TileA::SIZE;
  int m0 = blockIdx.y * GEMM_ROWS;
  int n0 = blockIdx.x * GEMM_COLUMNS;
  int k_begin = blockIdx.z * k_per_split;
  int k_end = min(k, k_begin + k_per_split);
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int wm = (warp >> 1) * 64;
  int wn = (warp & 1) * 32;
  int g = lane >> 2;
  int t = lane & 3;
  bool vector_a = ((lda & 3) | (reinterpret_cast<uintptr_t>(a) & 15)) == 0;
  bool vector_b = ((ldb & 3) | (reinterpret_cast<uintptr_t>(b) & 15)) == 0;
  float sums[4][4][4];
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) sums[i][j][e] = 0.0f;
  auto fetch = [&](int k0, int stage) {
    if (k0 < k_end) {
      TileA::copy(tiles_a + stage * TileA::SIZE, a, m, k_end, m0, k0, lda, vector_a);
      TileB::copy(tiles_b + stage * TileB::SIZE, b, n, k_end, n0, k0, ldb, vector_b);
    }
    commit_copies();
  };
#pragma unroll
  for (int stage = 0; stage < GEMM_STAGES - 1; stage++) fetch(k_begin + stage * GEMM_DEPTH, stage);
  int stage = 0;
  for (int k0 = k_begin; k0 < k_end; k0 += GEMM_DEPTH) {
    wait_copies<GEMM_STAGES - 2>();
    // The tile is here, and every warp is done with the one before, whose place the last takes.
    __syncthreads();
    fetch(k0 + (GEMM_STAGES - 1) * GEMM_DEPTH, stage == 0 ? GEMM_STAGES - 1 : stage - 1);
    const float* tile_a = tiles_a + stage * TileA::SIZE;
    const float* tile_b = tiles_b + stage * TileB::SIZE;
    if constexpr (TENSOR) {
#pragma unroll
      for (int kk = 0; kk < GEMM_DEPTH; kk += 8) {
        uint32_t fa[4][4];
        uint32_t fb[4][2];
#pragma unroll
        for (int i = 0; i < 4; i++) {
          int row = wm + i * 16 + g;
          fa[i][0] = rounded_tf32(tile_a[TileA::at(row, kk + t)]);
          fa[i][1] = rounded_tf32(tile_a[TileA::at(row + 8, kk + t)]);
          fa[i][2] = rounded_tf32(tile_a[TileA::at(row, kk + t + 4)]);
          fa[i][3] = rounded_tf32(tile_a[TileA::at(row + 8, kk + t + 4)]);
        }
#pragma unroll
        for (int j = 0; j < 4; j++) {
          int column = wn + j * 8 + g;
          fb[j][0] = rounded_tf32(tile_b[TileB::at(column, kk + t)]);
          fb[j][1] = rounded_tf32(tile_b[TileB::at(column, kk + t + 4)]);
        }
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
          for (int j = 0; j < 4; j++) mma_tf32(sums[i][j], fa[i], fb[j]);
      }
    } else {
      // The same elements of c in the same registers as a tensor-core product leaves them.
#pragma unroll 2
      for (int kk = 0; kk < GEMM_DEPTH; kk++) {
        float fa[8];
        float fb[8];
#pragma unroll
        for (int i = 0; i < 8; i++) fa[i] = tile_a[TileA::at(wm + i * 8 + g, kk)];
#pragma unroll
        for (int j = 0; j < 8; j++) fb[j] = tile_b[TileB::at(wn + (j >> 1) * 8 + t * 2 + (j & 1), kk)];
#pragma unroll
        for (int i = 0; i < 8; i++)
#pragma unroll
          for (int j = 0; j < 8; j++) sums[i >> 1][j >> 1][(i & 1) * 2 + (j & 1)] += fa[i] * fb[j];
      }
    }
    stage = stage == GEMM_STAGES - 1 ? 0 : stage + 1;
  }
  c += static_cast<int64_t>(blockIdx.z) * m * n;
  // Which activation is asked once, not for every number.
  switch (activation) {
    case IDENTITY: store_product<IDENTITY>(sums, c, m, n, m0 + wm + g, n0 + wn + t * 2, bias, before); break;
    case RELU: store_product<RELU>(sums, c, m, n, m0 + wm + g, n0 + wn + t * 2, bias, before); break;
    case LEAKY_RELU: store_product<LEAKY_RELU>(sums, c, m, n, m0 + wm + g, n0 + wn + t * 2, bias, before); break;
    case TANH: store_product<TANH>(sums, c, m, n, m0 + wm + g, n0 + wn + t * 2, bias, before); break;
    default: store_product<GELU>(sums, c, m, n, m0 + wm + g, n0 + wn + t * 2, bias, before); break;
  }
}

#define GEMM_KERNEL(NAME, A_BY_DEPTH, B_BY_DEPTH, TENSOR)                                                             \
  extern "C" __global__ void __launch_bounds__(GEMM_THREADS, 3)                                                       \
      NAME(const float* a, const float* b, float* c, int m, int n, int k, int lda, int ldb, int k_per_split,          \
           const float* bias, int activation, float* before) {                                                        \
    SHARED_MEMORY(memory);                                                                                            \
    gemm<A_BY_DEPTH, B_BY_DEPTH, TENSOR>(a, b, c, m, n, k, lda, ldb, k_per_split, bias, activation, before, memory);  \
  }

#if defined(TANDEM_EMULATED) || __CUDA_ARCH__ >= 800
#define TENSOR_CORES true
#else
#define TENSOR_CORES false
#endif

// Outputs of a layer: inputs [m, k] and weights [n, k].
GEMM_KERNEL(layer_fp32, false, false, false)
GEMM_KERNEL(layer_tf32, false, false, TENSOR_CORES)
// Gradient by a layer's inputs: by outputs [m, k] and weights [k, n].
GEMM_KERNEL(input_gradient_fp32, false, true, false)
GEMM_KERNEL(input_gradient_tf32, false, true, TENSOR_CORES)
// Gradient by a layer's weights: by outputs [k, m] and inputs [k, n].
GEMM_KERNEL(weight_gradient_fp32, true, true, false)
GEMM_KERNEL(weight_gradient_tf32, true, true, TENSOR_CORES)

// out[i] = sum over the splits of parts[split, i].
KERNEL sum_splits(const float* parts, int splits, int64_t n, float* out) {
  int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float sum = 0.0f;
  for (int split = 0; split < splits; split++) sum += parts[split * n + i];
  out[i] = sum;
}

// parts[split, column] = sum over a split's rows. 256 threads: 32 columns, 8 rows at a time.
KERNEL column_sums(const float* matrix, int rows, int columns, int rows_per_split, float* parts) {
  __shared__ float sums[8][33];
  int column = blockIdx.x * 32 + (threadIdx.x & 31);
  int begin = blockIdx.y * rows_per_split;
  int end = min(rows, begin + rows_per_split);
  float sum = 0.0f;
  if (column < columns) {
    for (int row = begin + (threadIdx.x >> 5); row < end; row += 8) sum += matrix[static_cast<int64_t>(row) * columns + column];
  }
  sums[threadIdx.x >> 5][threadIdx.x & 31] = sum;
  __syncthreads();
  if (threadIdx.x < 32 && column < columns) {
    for (int i = 1; i < 8; i++) sum += sums[i][threadIdx.x];
    parts[static_cast<int64_t>(blockIdx.y) * columns + column] = sum;
  }
}

// gradient *= f'(x), in place; before is read for GELU alone and may otherwise be null.
KERNEL activation_gradient(float* gradient, const float* output, const float* before, int64_t n, int activation) {
  int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) gradient[i] *= slope(activation, activation == GELU ? before[i] : 0.0f, output[i]);
}

constexpr float SMALLEST_NORM = 1e-12f;

// out = x / |x| and norms = |x|, a warp a row.
KERNEL normalize(const float* x, int rows, int dim, float* out, float* norms) {
  int row = (blockIdx.x * blockDim.x + threadIdx.x) >> 5;
  int lane = threadIdx.x & 31;
  if (row >= rows) return;
  int64_t from = static_cast<int64_t>(row) * dim;
  float squares = 0.0f;
  for (int i = lane; i < dim; i += 32) squares += x[from + i] * x[from + i];
  float norm = fmaxf(SMALLEST_NORM, sqrtf(warp_sum(squares)));
  if (lane == 0) norms[row] = norm;
  for (int i = lane; i < dim; i += 32) out[from + i] = x[from + i] / norm;
}

// For y = x / |x|: by x = (g - y <y, g>) / |x|, in place of g.
KERNEL normalize_gradient(const float* y, const float* norms, int rows, int dim, float* gradient) {
  int row = (blockIdx.x * blockDim.x + threadIdx.x) >> 5;
  int lane = threadIdx.x & 31;
  if (row >= rows) return;
  int64_t from = static_cast<int64_t>(row) * dim;
  float along = 0.0f;
  for (int i = lane; i < dim; i += 32) along += y[from + i] * gradient[from + i];
  along = warp_sum(along);
  float norm = norms[row];
  float inverse = norm <= SMALLEST_NORM ? 0.0f : 1 / norm;
  for (int i = lane; i < dim; i += 32) gradient[from + i] = (gradient[from + i] - y[from + i] * along) * inverse;
}

// Adam (Kingma and Ba 2015) with rate = learning rate * bias correction, or plain SGD where mean is null. l2 adds
// l2 * w to the gradient; factor is the schedule's.
KERNEL dense_update(float* w, const float* gradient, float* mean, float* square, int64_t n, float rate, float beta1,
                    float beta2, float epsilon, float l2, float factor) {
  int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float g = gradient[i] + l2 * w[i];
  if (mean == nullptr) {
    w[i] -= factor * rate * g;
    return;
  }
  float m = beta1 * mean[i] + (1 - beta1) * g;
  float v = beta2 * square[i] + (1 - beta2) * g * g;
  mean[i] = m;
  square[i] = v;
  w[i] -= factor * (rate * m / (sqrtf(v) + epsilon));
}
