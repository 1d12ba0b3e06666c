// Softmax cross-entropy of query embeddings over candidate items, forward and back, without the matrix of logits.
//
// Both passes are one kernel: a block holds rows of x and streams over the rows of y, tile by tile,
//   p = exp2(<scale x_i, y_j> + a_i + b_j),  out_i = sum over j of p y_j,
// leaving out the pairs that are excluded. ONLINE keeps p relative to a base near the largest score so far, which moves
// only when a score passes it by HEADROOM (FlashAttention, Dao et al. 2022; Milakov and Gimelshein 2018): x = u, y = v
// gives each row's log-sum and the softmax-weighted mean of v, from which by u follows. Then x = v, y = u with b_i = log2 of the row's weight - log-sum gives the gradient by v.
// Scores are in units of log 2. A row's own positives are left out of the stream and added by finish_rows.
//
// Operands are padded: rows to a multiple of 256, dim to D, with zeros; a and b to NEVER. The scale is in those of x.
#pragma once
#include "device.cuh"

// A tensor-core product's operands. g = lane / 4, t = lane % 4.
template <typename T>
struct Operand;

template <>
struct Operand<float> {
  static constexpr int DEPTH = 8;
  static constexpr int PAD = 4;
  static __device__ __forceinline__ void a(const float* x, int ld, int g, int t, uint32_t* r) {
    r[0] = __float_as_uint(x[g * ld + t]);
    r[1] = __float_as_uint(x[(g + 8) * ld + t]);
    r[2] = __float_as_uint(x[g * ld + t + 4]);
    r[3] = __float_as_uint(x[(g + 8) * ld + t + 4]);
  }
  // Of y transposed: y's rows are columns.
  static __device__ __forceinline__ void b(const float* y, int ld, int g, int t, uint32_t* r) {
    r[0] = __float_as_uint(y[g * ld + t]);
    r[1] = __float_as_uint(y[g * ld + t + 4]);
  }
  // Of y as it is. Depth is permuted, t to 2 t and t + 4 to 2 t + 1, as weights() has it.
  static __device__ __forceinline__ void b_rows(const float* y, int ld, int lane, uint32_t* r) {
    int g = lane >> 2;
    int t = lane & 3;
    r[0] = __float_as_uint(y[2 * t * ld + g]);
    r[1] = __float_as_uint(y[(2 * t + 1) * ld + g]);
  }
  // Rounded by hand: they are finite and not negative, and the product ignores what lies below.
  static __device__ __forceinline__ void weights(const float (*p)[4], int step, uint32_t* r) {
    r[0] = __float_as_uint(p[step][0]) + 0x1000u;
    r[1] = __float_as_uint(p[step][2]) + 0x1000u;
    r[2] = __float_as_uint(p[step][1]) + 0x1000u;
    r[3] = __float_as_uint(p[step][3]) + 0x1000u;
  }
  static __device__ __forceinline__ void multiply(float* c, const uint32_t* a, const uint32_t* b) { mma_tf32(c, a, b); }
};

template <>
struct Operand<uint16_t> {
  static constexpr int DEPTH = 16;
  static constexpr int PAD = 8;
  static __device__ __forceinline__ uint32_t pair(const uint16_t* at) { return *reinterpret_cast<const uint32_t*>(at); }
  static __device__ __forceinline__ void a(const uint16_t* x, int ld, int g, int t, uint32_t* r) {
    r[0] = pair(x + g * ld + 2 * t);
    r[1] = pair(x + (g + 8) * ld + 2 * t);
    r[2] = pair(x + g * ld + 2 * t + 8);
    r[3] = pair(x + (g + 8) * ld + 2 * t + 8);
  }
  static __device__ __forceinline__ void b(const uint16_t* y, int ld, int g, int t, uint32_t* r) {
    r[0] = pair(y + g * ld + 2 * t);
    r[1] = pair(y + g * ld + 2 * t + 8);
  }
  static __device__ __forceinline__ void b_rows(const uint16_t* y, int ld, int lane, uint32_t* r) {
    load_transposed(r, y + (lane & 15) * ld);
  }
  static __device__ __forceinline__ void weights(const float (*p)[4], int step, uint32_t* r) {
    r[0] = pack_bf16(p[2 * step][0], p[2 * step][1]);
    r[1] = pack_bf16(p[2 * step][2], p[2 * step][3]);
    r[2] = pack_bf16(p[2 * step + 1][0], p[2 * step + 1][1]);
    r[3] = pack_bf16(p[2 * step + 1][2], p[2 * step + 1][3]);
  }
  static __device__ __forceinline__ void multiply(float* c, const uint32_t* a, const uint32_t* b) { mma_bf16(c, a, b); }
};

// Excluded columns of a row, walked in rising order as the tiles pass. Bit j of a word is column j of the tile.
struct Excluded {
  const int* columns;
  int at;
  int end;
  int next;

  __device__ __forceinline__ void begin(const int* offsets, const int* all, int row, bool valid, int first) {
    columns = all;
    at = valid ? offsets[row] : 0;
    end = valid ? offsets[row + 1] : 0;
    int low = at;
    int high = end;
    while (low < high) {
      int middle = (low + high) >> 1;
      if (columns[middle] < first) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    at = low;
    next = at < end ? columns[at] : 0x7fffffff;
  }

  __device__ __forceinline__ unsigned word(int first, int width) {
    unsigned bits = 0;
    while (next < first + width) {
      bits |= 1u << (next - first);
      at++;
      next = at < end ? columns[at] : 0x7fffffff;
    }
    return bits;
  }
};

struct Stream {
  const void* x;       // [mPad, D], scaled
  const void* y;       // [nPad, D]
  const float* a;      // [mPad]
  const float* b;      // [nPad]
  const int* offsets;  // [m + 1] of excluded
  const int* excluded;
  int m;
  int m_padded;
  int n_padded;
  int columns_per_split;  // multiple of 128
  float* out;             // [splits, mPad, D]
  float* maxima;          // [splits, mPad], if ONLINE
  float* sums;            // [splits, mPad], if ONLINE
};

constexpr int STREAM_WARPS = 4;
constexpr int STREAM_THREADS = STREAM_WARPS * 32;

// By how many powers of 2 a score may pass its base.
constexpr float HEADROOM = 16.0f;

template <typename T, int D>
struct StreamShape {
  static constexpr int TILES = D <= 64 ? 2 : 1;  // of 16 rows a warp
  static constexpr int ROWS = STREAM_WARPS * TILES * 16;
  static constexpr int COLUMNS = D <= 128 ? 32 : 16;
  static constexpr int LD = D + Operand<T>::PAD;
  static constexpr bool HOLD_X = D <= 64;  // in registers
  static constexpr int BYTES =
      (ROWS + 2 * COLUMNS) * LD * static_cast<int>(sizeof(T)) + 2 * COLUMNS * 4 + 2 * ROWS * 4;
};

template <typename T, int D>
__device__ __forceinline__ void copy_rows(T* to, const T* from, int rows) {
  constexpr int LD = StreamShape<T, D>::LD;
  constexpr int PIECE = 16 / sizeof(T);
  for (int i = threadIdx.x; i < rows * (D / PIECE); i += STREAM_THREADS) {
    int row = i / (D / PIECE);
    int column = i % (D / PIECE) * PIECE;
    copy_async(to + row * LD + column, from + static_cast<int64_t>(row) * D + column);
  }
}

template <typename T, int D, bool ONLINE>
__device__ __forceinline__ void stream(const Stream& s, unsigned char* memory) {
  using Shape = StreamShape<T, D>;
  using Op = Operand<T>;
  constexpr int TILES = Shape::TILES;
  constexpr int COLUMNS = Shape::COLUMNS;
  constexpr int LD = Shape::LD;
  constexpr int GROUPS = COLUMNS / 8;
  constexpr int DEPTHS = D / Op::DEPTH;
  T* tile_x = reinterpret_cast<T*>(memory);
  T* tile_y = tile_x + Shape::ROWS * LD;
  float* tile_b = reinterpret_cast<float*>(tile_y + 2 * COLUMNS * LD);
  unsigned* mask = reinterpret_cast<unsigned*>(tile_b + 2 * COLUMNS);
  const T* x = static_cast<const T*>(s.x);
  const T* y = static_cast<const T*>(s.y);
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int g = lane >> 2;
  int t = lane & 3;
  int row0 = blockIdx.x * Shape::ROWS;
  int begin = blockIdx.y * s.columns_per_split;
  int end = min(s.n_padded, begin + s.columns_per_split);
  int own = warp * TILES * 16;

  Excluded excluded{};
  if (threadIdx.x < Shape::ROWS) {
    int row = row0 + static_cast<int>(threadIdx.x);
    excluded.begin(s.offsets, s.excluded, row, row < s.m, begin);
    mask[threadIdx.x] = excluded.word(begin, COLUMNS);
  }
  copy_rows<T, D>(tile_x, x + static_cast<int64_t>(row0) * D, Shape::ROWS);
  copy_rows<T, D>(tile_y, y + static_cast<int64_t>(begin) * D, COLUMNS);
  if (threadIdx.x < COLUMNS) tile_b[threadIdx.x] = s.b[begin + threadIdx.x];
  commit_copies();

  float out[TILES][D / 8][4];
  float base[TILES][2];  // what is taken from a row's scores: ONLINE the base, otherwise -a
  float sum[TILES][2];
  unsigned unset = ONLINE ? (1u << (2 * TILES)) - 1 : 0;  // rows that have seen no score yet, a bit each
#pragma unroll
  for (int i = 0; i < TILES; i++) {
#pragma unroll
    for (int d = 0; d < D / 8; d++)
#pragma unroll
      for (int e = 0; e < 4; e++) out[i][d][e] = 0.0f;
#pragma unroll
    for (int h = 0; h < 2; h++) {
      sum[i][h] = 0.0f;
      base[i][h] = ONLINE ? 0.0f : -s.a[row0 + own + i * 16 + g + h * 8];
    }
  }
  uint32_t held[TILES][Shape::HOLD_X ? DEPTHS : 1][4];
  if constexpr (Shape::HOLD_X) {
    wait_copies<0>();
    __syncthreads();
#pragma unroll
    for (int i = 0; i < TILES; i++)
#pragma unroll
      for (int k = 0; k < DEPTHS; k++) Op::a(tile_x + (own + i * 16) * LD + k * Op::DEPTH, LD, g, t, held[i][k]);
  }

  int stage = 0;
  for (int column = begin; column < end; column += COLUMNS, stage ^= 1) {
    wait_copies<0>();
    // The tile is here, and every warp is done with the one before, whose place the next takes.
    __syncthreads();
    int following = column + COLUMNS;
    if (following < end) {
      int other = stage ^ 1;
      copy_rows<T, D>(tile_y + other * COLUMNS * LD, y + static_cast<int64_t>(following) * D, COLUMNS);
      if (threadIdx.x < COLUMNS) tile_b[other * COLUMNS + threadIdx.x] = s.b[following + threadIdx.x];
      if (threadIdx.x < Shape::ROWS) mask[other * Shape::ROWS + threadIdx.x] = excluded.word(following, COLUMNS);
      commit_copies();
    }
    const T* ty = tile_y + stage * COLUMNS * LD;
    const float* tb = tile_b + stage * COLUMNS;
    const unsigned* masks = mask + stage * Shape::ROWS + own;

    float p[TILES][GROUPS][4];
#pragma unroll
    for (int j = 0; j < GROUPS; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        float b = tb[j * 8 + t * 2 + (e & 1)];
#pragma unroll
        for (int i = 0; i < TILES; i++) p[i][j][e] = b - base[i][e >> 1];
      }
#pragma unroll
    for (int k = 0; k < DEPTHS; k++) {
      uint32_t fa[TILES][4];
#pragma unroll
      for (int i = 0; i < TILES; i++) {
        if constexpr (Shape::HOLD_X) {
#pragma unroll
          for (int e = 0; e < 4; e++) fa[i][e] = held[i][k][e];
        } else {
          Op::a(tile_x + (own + i * 16) * LD + k * Op::DEPTH, LD, g, t, fa[i]);
        }
      }
#pragma unroll
      for (int j = 0; j < GROUPS; j++) {
        uint32_t fb[2];
        Op::b(ty + j * 8 * LD + k * Op::DEPTH, LD, g, t, fb);
#pragma unroll
        for (int i = 0; i < TILES; i++) Op::multiply(p[i][j], fa[i], fb);
      }
    }
    if (__any_sync(FULL, masks[lane & (TILES * 16 - 1)] != 0)) {
#pragma unroll
      for (int i = 0; i < TILES; i++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
          unsigned bits = masks[i * 16 + g + h * 8];
#pragma unroll
          for (int j = 0; j < GROUPS; j++)
#pragma unroll
            for (int e = 0; e < 2; e++) {
              if ((bits >> (j * 8 + t * 2 + e)) & 1) p[i][j][h * 2 + e] = 2 * NEVER;
            }
        }
    }
    if constexpr (ONLINE) {
      float top = 4 * NEVER;
#pragma unroll
      for (int i = 0; i < TILES; i++)
#pragma unroll
        for (int j = 0; j < GROUPS; j++)
#pragma unroll
          for (int e = 0; e < 4; e++) top = fmaxf(top, p[i][j][e]);
      if (__any_sync(FULL, unset != 0 || top > HEADROOM)) {
#pragma unroll
        for (int i = 0; i < TILES; i++)
#pragma unroll
          for (int h = 0; h < 2; h++) {
            float highest = 4 * NEVER;
#pragma unroll
            for (int j = 0; j < GROUPS; j++)
#pragma unroll
              for (int e = 0; e < 2; e++) highest = fmaxf(highest, p[i][j][h * 2 + e]);
            highest = fmaxf(highest, __shfl_xor_sync(FULL, highest, 1));
            highest = fmaxf(highest, __shfl_xor_sync(FULL, highest, 2));
            unsigned bit = 1u << (i * 2 + h);
            bool first = (unset & bit) != 0;
            if (first ? highest < NEVER / 2 : highest <= 0.0f) continue;
            unset &= ~bit;
            float shrink = first ? 0.0f : exp2f(-highest);
            base[i][h] += highest;
            sum[i][h] *= shrink;
#pragma unroll
            for (int d = 0; d < D / 8; d++) {
              out[i][d][h * 2] *= shrink;
              out[i][d][h * 2 + 1] *= shrink;
            }
#pragma unroll
            for (int j = 0; j < GROUPS; j++)
#pragma unroll
              for (int e = 0; e < 2; e++) p[i][j][h * 2 + e] -= highest;
          }
      }
    }
#pragma unroll
    for (int i = 0; i < TILES; i++)
#pragma unroll
      for (int j = 0; j < GROUPS; j++)
#pragma unroll
        for (int e = 0; e < 4; e++) {
          p[i][j][e] = exp2f(p[i][j][e]);
          if constexpr (ONLINE) sum[i][e >> 1] += p[i][j][e];
        }
#pragma unroll
    for (int k = 0; k < COLUMNS / Op::DEPTH; k++) {
      uint32_t fa[TILES][4];
#pragma unroll
      for (int i = 0; i < TILES; i++) Op::weights(p[i], k, fa[i]);
#pragma unroll
      for (int d = 0; d < D / 8; d++) {
        uint32_t fb[2];
        Op::b_rows(ty + k * Op::DEPTH * LD + d * 8, LD, lane, fb);
#pragma unroll
        for (int i = 0; i < TILES; i++) Op::multiply(out[i][d], fa[i], fb);
      }
    }
  }

  int64_t split = static_cast<int64_t>(blockIdx.y) * s.m_padded;
#pragma unroll
  for (int i = 0; i < TILES; i++)
#pragma unroll
    for (int h = 0; h < 2; h++) {
      int64_t row = split + row0 + own + i * 16 + g + h * 8;
#pragma unroll
      for (int d = 0; d < D / 8; d++) {
        float2 pair{out[i][d][h * 2], out[i][d][h * 2 + 1]};
        *reinterpret_cast<float2*>(s.out + row * D + d * 8 + t * 2) = pair;
      }
      if constexpr (ONLINE) {
        float total = sum[i][h];
        total += __shfl_xor_sync(FULL, total, 1);
        total += __shfl_xor_sync(FULL, total, 2);
        if (t == 0) {
          // A row without a score has no base either.
          s.maxima[row] = (unset >> (i * 2 + h)) & 1 ? 4 * NEVER : base[i][h];
          s.sums[row] = total;
        }
      }
    }
}

// The same in full float32 without tensor cores: 64 rows a block of 256 threads. Thread (r, q) = (id / 8, id % 8) holds
// rows r and r + 32.
constexpr int EXACT_THREADS = 256;

template <int D>
struct ExactShape {
  static constexpr int ROWS = 64;
  static constexpr int COLUMNS = 32;
  static constexpr int LD = D + 1;
  static constexpr int BYTES = ((ROWS + COLUMNS) * LD + ROWS * (COLUMNS + 1) + COLUMNS + ROWS) * 4;
};

template <int D, bool ONLINE>
__device__ __forceinline__ void stream_exact(const Stream& s, unsigned char* memory) {
  using Shape = ExactShape<D>;
  constexpr int LD = Shape::LD;
  constexpr int COLUMNS = Shape::COLUMNS;
  float* tile_x = reinterpret_cast<float*>(memory);
  float* tile_y = tile_x + Shape::ROWS * LD;
  float* tile_p = tile_y + COLUMNS * LD;
  float* tile_b = tile_p + Shape::ROWS * (COLUMNS + 1);
  unsigned* mask = reinterpret_cast<unsigned*>(tile_b + COLUMNS);
  const float* x = static_cast<const float*>(s.x);
  const float* y = static_cast<const float*>(s.y);
  int r = threadIdx.x >> 3;
  int q = threadIdx.x & 7;
  int row0 = blockIdx.x * Shape::ROWS;
  int begin = blockIdx.y * s.columns_per_split;
  int end = min(s.n_padded, begin + s.columns_per_split);
  Excluded excluded{};
  if (threadIdx.x < Shape::ROWS) {
    int row = row0 + static_cast<int>(threadIdx.x);
    excluded.begin(s.offsets, s.excluded, row, row < s.m, begin);
  }
  for (int i = threadIdx.x; i < Shape::ROWS * D; i += EXACT_THREADS) {
    tile_x[i / D * LD + i % D] = x[static_cast<int64_t>(row0) * D + i];
  }
  float out[2][D / 8];
  float largest[2] = {4 * NEVER, 4 * NEVER};
  float sum[2] = {0.0f, 0.0f};
  float a[2];
#pragma unroll
  for (int h = 0; h < 2; h++) {
    a[h] = ONLINE ? 0.0f : s.a[row0 + r + h * 32];
#pragma unroll
    for (int d = 0; d < D / 8; d++) out[h][d] = 0.0f;
  }
  for (int column = begin; column < end; column += COLUMNS) {
    for (int i = threadIdx.x; i < COLUMNS * D; i += EXACT_THREADS) {
      tile_y[i / D * LD + i % D] = y[static_cast<int64_t>(column) * D + i];
    }
    if (threadIdx.x < COLUMNS) tile_b[threadIdx.x] = s.b[column + threadIdx.x];
    if (threadIdx.x < Shape::ROWS) mask[threadIdx.x] = excluded.word(column, COLUMNS);
    __syncthreads();
    float p[2][4];
#pragma unroll
    for (int h = 0; h < 2; h++)
#pragma unroll
      for (int j = 0; j < 4; j++) p[h][j] = 0.0f;
#pragma unroll 4
    for (int k = 0; k < D; k++) {
      float x0 = tile_x[r * LD + k];
      float x1 = tile_x[(r + 32) * LD + k];
#pragma unroll
      for (int j = 0; j < 4; j++) {
        float value = tile_y[(q + j * 8) * LD + k];
        p[0][j] += x0 * value;
        p[1][j] += x1 * value;
      }
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      unsigned bits = mask[r + h * 32];
      float top = 4 * NEVER;
#pragma unroll
      for (int j = 0; j < 4; j++) {
        int c = q + j * 8;
        float score = p[h][j] + (a[h] + tile_b[c]);
        if ((bits >> c) & 1) score = 2 * NEVER;
        p[h][j] = score;
        top = fmaxf(top, score);
      }
      float base = 0.0f;
      if constexpr (ONLINE) {
        for (int step = 1; step < 8; step <<= 1) top = fmaxf(top, __shfl_xor_sync(FULL, top, step));
        base = fmaxf(largest[h], top);
        float shrink = exp2f(largest[h] - base);
        largest[h] = base;
        sum[h] *= shrink;
#pragma unroll
        for (int d = 0; d < D / 8; d++) out[h][d] *= shrink;
      }
#pragma unroll
      for (int j = 0; j < 4; j++) {
        float weight = exp2f(p[h][j] - base);
        if constexpr (ONLINE) sum[h] += weight;
        tile_p[(r + h * 32) * (COLUMNS + 1) + q + j * 8] = weight;
      }
    }
    __syncwarp();  // a row of tile_p is written and read by one warp
#pragma unroll 2
    for (int k = 0; k < COLUMNS; k++) {
      float p0 = tile_p[r * (COLUMNS + 1) + k];
      float p1 = tile_p[(r + 32) * (COLUMNS + 1) + k];
#pragma unroll
      for (int d = 0; d < D / 8; d++) {
        float value = tile_y[k * LD + q + d * 8];
        out[0][d] += p0 * value;
        out[1][d] += p1 * value;
      }
    }
    __syncthreads();
  }
  int64_t split = static_cast<int64_t>(blockIdx.y) * s.m_padded;
#pragma unroll
  for (int h = 0; h < 2; h++) {
    int64_t row = split + row0 + r + h * 32;
#pragma unroll
    for (int d = 0; d < D / 8; d++) s.out[row * D + q + d * 8] = out[h][d];
    if constexpr (ONLINE) {
      float total = sum[h];
      for (int step = 1; step < 8; step <<= 1) total += __shfl_xor_sync(FULL, total, step);
      if (q == 0) {
        s.maxima[row] = largest[h];
        s.sums[row] = total;
      }
    }
  }
}

#define STREAM_PARAMETERS                                                                                             \
  const void *x, const void *y, const float *a, const float *b, const int *offsets, const int *excluded, int m, \
      int m_padded, int n_padded, int columns_per_split, float *out, float *maxima, float *sums
#define STREAM_VALUE                                                                                                  \
  Stream { x, y, a, b, offsets, excluded, m, m_padded, n_padded, columns_per_split, out, maxima, sums }

#if defined(TANDEM_EMULATED) || __CUDA_ARCH__ >= 800
#define STREAM_TENSOR(T, D, ONLINE) stream<T, D, ONLINE>(STREAM_VALUE, memory)
#else
#define STREAM_TENSOR(T, D, ONLINE) (void)memory  // never called: no such tensor cores
#endif

#define STREAM_KERNELS(D)                                                                                             \
  extern "C" __global__ void __launch_bounds__(STREAM_THREADS) softmax_rows_tf32_##D(STREAM_PARAMETERS) {             \
    SHARED_MEMORY(memory);                                                                                            \
    STREAM_TENSOR(float, D, true);                                                                                    \
  }                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(STREAM_THREADS) softmax_columns_tf32_##D(STREAM_PARAMETERS) {          \
    SHARED_MEMORY(memory);                                                                                            \
    STREAM_TENSOR(float, D, false);                                                                                   \
  }                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(STREAM_THREADS) softmax_rows_bf16_##D(STREAM_PARAMETERS) {             \
    SHARED_MEMORY(memory);                                                                                            \
    STREAM_TENSOR(uint16_t, D, true);                                                                                 \
  }                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(STREAM_THREADS) softmax_columns_bf16_##D(STREAM_PARAMETERS) {          \
    SHARED_MEMORY(memory);                                                                                            \
    STREAM_TENSOR(uint16_t, D, false);                                                                                \
  }                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(EXACT_THREADS) softmax_rows_fp32_##D(STREAM_PARAMETERS) {              \
    SHARED_MEMORY(memory);                                                                                            \
    stream_exact<D, true>(STREAM_VALUE, memory);                                                                      \
  }                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(EXACT_THREADS) softmax_columns_fp32_##D(STREAM_PARAMETERS) {           \
    SHARED_MEMORY(memory);                                                                                            \
    stream_exact<D, false>(STREAM_VALUE, memory);                                                                     \
  }

STREAM_KERNELS(32)
STREAM_KERNELS(64)
STREAM_KERNELS(128)
STREAM_KERNELS(256)

// Operands: [rows, dim] copied to [padded, wide], rounded, zeros around; scaled, as x, and as they are, as y.
// kind 0: float32, 1: TF32, 2: BF16. transposed, if not null, receives [wide, padded], of eight rows the even ones first.
KERNEL prepare_operand(const float* source, int rows, int dim, int padded, int wide, int kind, float scale, void* as_x,
                       void* as_y, float* transposed) {
  int64_t place = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (place >= static_cast<int64_t>(padded) * wide) return;
  int row = static_cast<int>(place / wide);
  int i = static_cast<int>(place % wide);
  float value = row < rows && i < dim ? source[static_cast<int64_t>(row) * dim + i] : 0.0f;
  float scaled = value * scale;
  if (kind == 2) {
    static_cast<uint16_t*>(as_x)[place] = static_cast<uint16_t>(pack_bf16(scaled, 0.0f));
    static_cast<uint16_t*>(as_y)[place] = static_cast<uint16_t>(pack_bf16(value, 0.0f));
  } else {
    static_cast<float*>(as_x)[place] = kind == 1 ? __uint_as_float(to_tf32(scaled)) : scaled;
    float rounded = kind == 1 ? __uint_as_float(to_tf32(value)) : value;
    static_cast<float*>(as_y)[place] = rounded;
    if (transposed != nullptr) {
      transposed[static_cast<int64_t>(i) * padded + (row & ~7) + ((row & 7) >> 1) + (row & 1) * 4] = rounded;
    }
  }
}

// Joins the splits of the rows' stream and adds each row's own positives; a warp a row.
// Positives offsets[row] until offsets[row + 1] have columns, target shares, and whether they count in the log-sum.
// Receives: by u; weight[row] = log2(row's weight) - log-sum, for the columns' stream; factors of the positives, for
// finish_columns; losses weighted, and <u, by u>.
KERNEL finish_rows(const float* u, const float* v, int n, int dim, int wide, int padded, int splits, const float* parts,
                   const float* maxima, const float* sums, const int* offsets, const int* columns, const float* shares,
                   const int* counted, const float* bias, const float* row_weights, float scale2, float scale,
                   float* by_u, float* weight, float* factors, float* losses, float* along) {
  int row = (blockIdx.x * blockDim.x + threadIdx.x) >> 5;
  int lane = threadIdx.x & 31;
  if (row >= padded) return;
  float own = row < n ? row_weights[row] : 0.0f;
  int begin = row < n ? offsets[row] : 0;
  int end = row < n ? offsets[row + 1] : 0;
  if (own == 0 || begin == end) {
    if (lane == 0) {
      weight[row] = NEVER;
      if (row < n) {
        losses[row] = 0;
        along[row] = 0;
      }
    }
    for (int p = begin + lane; p < end; p += 32) factors[p] = 0;
    for (int i = lane; row < n && i < dim; i += 32) by_u[static_cast<int64_t>(row) * dim + i] = 0;
    return;
  }
  const float* query = u + static_cast<int64_t>(row) * dim;
  float top = 4 * NEVER;
  for (int split = 0; split < splits; split++) top = fmaxf(top, maxima[static_cast<int64_t>(split) * padded + row]);
  float target = 0.0f;
  for (int p = begin; p < end; p++) {
    const float* item = v + static_cast<int64_t>(columns[p]) * dim;
    float dot = 0.0f;
    for (int i = lane; i < dim; i += 32) dot += query[i] * item[i];
    float logit = warp_sum(dot) * scale2 + bias[columns[p]];
    target += shares[p] * logit;
    if (counted[p]) top = fmaxf(top, logit);
    if (lane == 0) factors[p] = logit;
  }
  __syncwarp();
  float total = 0.0f;
  for (int split = 0; split < splits; split++) {
    int64_t at = static_cast<int64_t>(split) * padded + row;
    total += sums[at] * exp2f(maxima[at] - top);
  }
  for (int p = begin; p < end; p++) {
    if (counted[p]) total += exp2f(factors[p] - top);
  }
  float log_sum = top + log2f(total);
  float product = 0.0f;
  for (int i = lane; i < dim; i += 32) {
    float mean = 0.0f;
    for (int split = 0; split < splits; split++) {
      int64_t at = static_cast<int64_t>(split) * padded + row;
      mean += parts[at * wide + i] * exp2f(maxima[at] - log_sum);
    }
    for (int p = begin; p < end; p++) {
      float factor = (counted[p] ? exp2f(factors[p] - log_sum) : 0.0f) - shares[p];
      mean += factor * v[static_cast<int64_t>(columns[p]) * dim + i];
    }
    float gradient = scale * own * mean;
    by_u[static_cast<int64_t>(row) * dim + i] = gradient;
    product += gradient * query[i];
  }
  product = warp_sum(product);
  __syncwarp();
  for (int p = begin + lane; p < end; p += 32) {
    factors[p] = own * ((counted[p] ? exp2f(factors[p] - log_sum) : 0.0f) - shares[p]);
  }
  if (lane == 0) {
    weight[row] = log2f(own) - log_sum;
    losses[row] = own * 0.6931471805599453f * (log_sum - target);
    along[row] = product;
  }
}

// Joins the splits of the columns' stream and adds the rows whose positive the column is; a warp a column.
// Entries offsets[column] until offsets[column + 1] name a row and a positive each.
KERNEL finish_columns(const float* u, int m, int dim, int wide, int padded, int splits, const float* parts,
                      const int* offsets, const int* rows, const int* positives, const float* factors, float scale,
                      float* by_v) {
  int column = (blockIdx.x * blockDim.x + threadIdx.x) >> 5;
  int lane = threadIdx.x & 31;
  if (column >= m) return;
  for (int i = lane; i < dim; i += 32) {
    float sum = 0.0f;
    for (int split = 0; split < splits; split++) {
      sum += parts[(static_cast<int64_t>(split) * padded + column) * wide + i];
    }
    for (int e = offsets[column]; e < offsets[column + 1]; e++) {
      sum += factors[positives[e]] * u[static_cast<int64_t>(rows[e]) * dim + i];
    }
    by_v[static_cast<int64_t>(column) * dim + i] = scale * sum;
  }
}

// out[0] = sum of first, out[1] = sum of second, in double. One block of 1024 threads.
KERNEL sum_pairs(const float* first, const float* second, int n, double* out) {
  __shared__ double sums[2][32];
  double a = 0;
  double b = 0;
  for (int i = threadIdx.x; i < n; i += 1024) {
    a += first[i];
    b += second[i];
  }
  a = warp_sum(a);
  b = warp_sum(b);
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  if (lane == 0) {
    sums[0][warp] = a;
    sums[1][warp] = b;
  }
  __syncthreads();
  if (warp == 0) {
    a = warp_sum(sums[0][lane]);
    b = warp_sum(sums[1][lane]);
    if (lane == 0) {
      out[0] = a;
      out[1] = b;
    }
  }
}
