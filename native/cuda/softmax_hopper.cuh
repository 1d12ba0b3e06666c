// The stream of softmax.cuh for GPUs of compute capability 9.0, by their products of whole warpgroups (PTX ISA, wgmma):
// 64 rows a warpgroup of 4 warps, four of them a block, 64 columns at a time, dim up to 64. Fragments lie as those of
// mma; tiles are read by the tensor cores straight from shared memory, in rows of 128 bytes whose pieces of 16 are
// swapped by the row's number (swizzle 128B). TF32 takes no transposed tiles, so that y comes a second time, [D, n], its
// columns in the order in which weights() has them. x lies in shared memory too: held in registers from tile to tile,
// ptxas 13.0 overwrites it.
//
// Warpgroups meet once a stage of several tiles. Between, each goes at its own pace, so that some weigh scores while the
// tensor cores work for others; a warpgroup's own next scores are asked for before its last products are done.
#pragma once
#include "softmax.cuh"

namespace hopper {

constexpr int D = 64;
constexpr int ROWS = 256;
constexpr int COLUMNS = 64;
constexpr int THREADS = 512;
constexpr int TILE = COLUMNS * 128;  // bytes; 128 of each row

template <typename T>
struct Shape {
  static constexpr bool BF16 = sizeof(T) == 2;
  static constexpr int STEPS = BF16 ? 4 : 8;       // of the depth of 64 that a product takes
  static constexpr int PARTS = BF16 ? 1 : 4;       // y, of TF32 by halves of its rows, and of the transposed
  static constexpr int X_PARTS = BF16 ? 1 : 2;
  static constexpr int TILES = BF16 ? 4 : 2;       // of 64 columns a stage
  static constexpr int STAGES = BF16 ? 3 : 2;
  static constexpr int STAGE = TILES * PARTS * TILE;
};

#ifdef TANDEM_EMULATED

using namespace emulated::warpgroup;

#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)

__device__ __forceinline__ uint64_t descriptor(const void* tile) {
  uint64_t address = static_cast<uint64_t>(__cvta_generic_to_shared(tile));
  // Eight rows of 128 bytes follow the eight before; bit 62: swizzle 128B.
  return ((address & 0x3ffff) >> 4) | (1ull << 16) | (64ull << 32) | (1ull << 62);
}

#define WGMMA_ACCUMULATORS(c)                                                                                          \
  "+f"((c)[0]), "+f"((c)[1]), "+f"((c)[2]), "+f"((c)[3]), "+f"((c)[4]), "+f"((c)[5]), "+f"((c)[6]), "+f"((c)[7]),      \
      "+f"((c)[8]), "+f"((c)[9]), "+f"((c)[10]), "+f"((c)[11]), "+f"((c)[12]), "+f"((c)[13]), "+f"((c)[14]),           \
      "+f"((c)[15]), "+f"((c)[16]), "+f"((c)[17]), "+f"((c)[18]), "+f"((c)[19]), "+f"((c)[20]), "+f"((c)[21]),         \
      "+f"((c)[22]), "+f"((c)[23]), "+f"((c)[24]), "+f"((c)[25]), "+f"((c)[26]), "+f"((c)[27]), "+f"((c)[28]),         \
      "+f"((c)[29]), "+f"((c)[30]), "+f"((c)[31])
#define WGMMA_PLACES                                                                                                   \
  "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,"    \
  "%30,%31},"

// c += a b, a [64, 16] or [64, 8] in registers, b in shared memory: of bfloat16 a row for each of the depth, of TF32 for
// each column.
template <typename T>
__device__ __forceinline__ void multiply(float* c, const uint32_t* a, uint64_t b) {
  if constexpr (sizeof(T) == 2) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " WGMMA_PLACES "{%32,%33,%34,%35},%36,1,1,1,1;"
                 : WGMMA_ACCUMULATORS(c)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
  } else {
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32 " WGMMA_PLACES "{%32,%33,%34,%35},%36,1,1,1;"
                 : WGMMA_ACCUMULATORS(c)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
  }
}

// The same with a in shared memory, [64, 16] or [64, 8], and b's rows the columns'.
template <typename T>
__device__ __forceinline__ void multiply(float* c, uint64_t a, uint64_t b) {
  if constexpr (sizeof(T) == 2) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " WGMMA_PLACES "%32,%33,1,1,1,0,0;"
                 : WGMMA_ACCUMULATORS(c)
                 : "l"(a), "l"(b));
  } else {
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32 " WGMMA_PLACES "%32,%33,1,1,1;"
                 : WGMMA_ACCUMULATORS(c)
                 : "l"(a), "l"(b));
  }
}

// Registers that were written are written before products that take them begin.
__device__ __forceinline__ void begin_products(float* c) {
  asm volatile("" : WGMMA_ACCUMULATORS(c)::"memory");
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ __forceinline__ void commit_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void wait_products() { asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory"); }
// Registers that products have written are read after this.
__device__ __forceinline__ void settle(float* c) { asm volatile("" : WGMMA_ACCUMULATORS(c)::"memory"); }
// What this thread wrote to shared memory may be read by products once the block has met.
__device__ __forceinline__ void publish() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
// Bytes to the next multiple of 1,024, from where swizzles count.
__device__ __forceinline__ unsigned to_alignment(const unsigned char* memory) {
  return -static_cast<unsigned>(__cvta_generic_to_shared(memory)) & 1023;
}

#endif

#if defined(TANDEM_EMULATED) || defined(__CUDA_ARCH_FEAT_SM90_ALL)

// Copies rows of 128 bytes to a tile, their pieces swapped.
__device__ __forceinline__ void copy_tile(unsigned char* tile, const unsigned char* from, int rows, int64_t row_bytes) {
  for (int i = threadIdx.x; i < rows * 8; i += THREADS) {
    int row = i >> 3;
    int piece = i & 7;
    copy_async(tile + row * 128 + ((piece ^ (row & 7)) << 4), from + row * row_bytes + piece * 16);
  }
}

template <typename T>
__device__ __forceinline__ void copy_columns(unsigned char* tile, const Stream& s, const void* transposed, int column) {
  const unsigned char* y = static_cast<const unsigned char*>(s.y) + static_cast<int64_t>(column) * D * sizeof(T);
  copy_tile(tile, y, COLUMNS, D * sizeof(T));
  if constexpr (!Shape<T>::BF16) {
    copy_tile(tile + TILE, y + 128, COLUMNS, D * sizeof(T));
    const unsigned char* t = static_cast<const unsigned char*>(transposed) + static_cast<int64_t>(column) * 4;
    copy_tile(tile + 2 * TILE, t, D, static_cast<int64_t>(s.n_padded) * 4);
    copy_tile(tile + 3 * TILE, t + 128, D, static_cast<int64_t>(s.n_padded) * 4);
  }
}

// Begins p = <x, y> + b - base for 64 columns.
template <typename T>
__device__ __forceinline__ void begin_scores(float* p, uint64_t x, uint64_t y, const float* b, const float* base, int t) {
#pragma unroll
  for (int j = 0; j < COLUMNS / 8; j++) {
    float2 pair = *reinterpret_cast<const float2*>(b + j * 8 + t * 2);
    p[j * 4] = pair.x - base[0];
    p[j * 4 + 1] = pair.y - base[0];
    p[j * 4 + 2] = pair.x - base[1];
    p[j * 4 + 3] = pair.y - base[1];
  }
  begin_products(p);
#pragma unroll
  for (int k = 0; k < Shape<T>::STEPS; k++) {
    // 32 bytes of the rows a step; of TF32 the second half lies in a tile of its own.
    multiply<T>(p, x + (k & 3) * 2 + (k >> 2) * (ROWS * 128 >> 4), y + (k & 3) * 2 + (k >> 2) * (TILE >> 4));
  }
  commit_products();
}

// Begins out += weights y for 64 columns.
template <typename T>
__device__ __forceinline__ void begin_weighted(float* out, const uint32_t (*weights)[4], uint64_t y) {
  begin_products(out);
#pragma unroll
  for (int k = 0; k < Shape<T>::STEPS; k++) {
    // Of bfloat16 16 rows a step, of TF32 32 bytes of the transposed rows.
    multiply<T>(out, weights[k], Shape<T>::BF16 ? y + k * (16 * 128 >> 4) : y + (2 + (k >> 2)) * (TILE >> 4) + (k & 3) * 2);
  }
  commit_products();
}

template <typename T, bool ONLINE>
__device__ __forceinline__ void stream(const Stream& s, const void* transposed, unsigned char* memory) {
  using S = Shape<T>;
  using Op = Operand<T>;
  constexpr int STAGE_COLUMNS = S::TILES * COLUMNS;
  unsigned char* tile_x = memory + to_alignment(memory);
  unsigned char* tiles = tile_x + S::X_PARTS * ROWS * 128;
  float* tile_b = reinterpret_cast<float*>(tiles + S::STAGES * S::STAGE);
  uint2* mask = reinterpret_cast<uint2*>(tile_b + S::STAGES * STAGE_COLUMNS);
  int lane = threadIdx.x & 31;
  int g = lane >> 2;
  int t = lane & 3;
  int own = (threadIdx.x >> 5) * 16;
  int row0 = blockIdx.x * ROWS;
  int begin = blockIdx.y * s.columns_per_split;
  int end = min(s.n_padded, begin + s.columns_per_split);

  Excluded excluded{};
  if (threadIdx.x < ROWS) {
    int row = row0 + static_cast<int>(threadIdx.x);
    excluded.begin(s.offsets, s.excluded, row, row < s.m, begin);
  }
  auto fetch = [&](int first, int stage) {
    for (int i = 0; i < S::TILES && first + i * COLUMNS < end; i++) {
      int column = first + i * COLUMNS;
      int tile = stage * S::TILES + i;
      copy_columns<T>(tiles + tile * S::PARTS * TILE, s, transposed, column);
      if (threadIdx.x < COLUMNS) tile_b[tile * COLUMNS + threadIdx.x] = s.b[column + threadIdx.x];
      if (threadIdx.x < ROWS) {
        unsigned low = excluded.word(column, 32);
        mask[tile * ROWS + threadIdx.x] = make_uint2(low, excluded.word(column + 32, 32));
      }
    }
    commit_copies();
  };
  const unsigned char* x = static_cast<const unsigned char*>(s.x) + static_cast<int64_t>(row0) * D * sizeof(T);
  for (int part = 0; part < S::X_PARTS; part++) {
    copy_tile(tile_x + part * ROWS * 128, x + part * 128, ROWS, D * sizeof(T));
  }
  uint64_t own_x = descriptor(tile_x) + (threadIdx.x >> 7) * (64 * 128 >> 4);
  for (int stage = 0; stage < S::STAGES - 1; stage++) fetch(begin + stage * STAGE_COLUMNS, stage);

  float p[COLUMNS / 2];
  float out[D / 2];
  float base[2];  // as in softmax.cuh
  float sum[2] = {0.0f, 0.0f};
  unsigned unset = ONLINE ? 3 : 0;
#pragma unroll
  for (int d = 0; d < D / 2; d++) out[d] = 0.0f;
#pragma unroll
  for (int h = 0; h < 2; h++) base[h] = ONLINE ? 0.0f : -s.a[row0 + own + g + h * 8];

  int stage = 0;
  for (int first = begin; first < end; first += STAGE_COLUMNS) {
    wait_copies<S::STAGES - 2>();
    publish();
    // The stage is here, and all warpgroups are done with the one before, whose place the last one takes.
    __syncthreads();
    fetch(first + (S::STAGES - 1) * STAGE_COLUMNS, stage == 0 ? S::STAGES - 1 : stage - 1);
    int tile = stage * S::TILES;
    int last = tile + min(S::TILES, (end - first) / COLUMNS) - 1;
    begin_scores<T>(p, own_x, descriptor(tiles + tile * S::PARTS * TILE), tile_b + tile * COLUMNS, base, t);
#pragma unroll 1
    for (; tile <= last; tile++) {
      wait_products();
      settle(p);
      settle(out);
      uint2 any = mask[tile * ROWS + own + (lane & 15)];
      if (__any_sync(FULL, (any.x | any.y) != 0)) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
          uint2 bits = mask[tile * ROWS + own + g + h * 8];
#pragma unroll
          for (int j = 0; j < COLUMNS / 8; j++)
#pragma unroll
            for (int e = 0; e < 2; e++) {
              int c = j * 8 + t * 2 + e;
              if (((j < 4 ? bits.x : bits.y) >> (c & 31)) & 1) p[j * 4 + h * 2 + e] = 2 * NEVER;
            }
        }
      }
      if constexpr (ONLINE) {
        float top = 4 * NEVER;
#pragma unroll
        for (int e = 0; e < COLUMNS / 2; e++) top = fmaxf(top, p[e]);
        if (__any_sync(FULL, unset != 0 || top > HEADROOM)) {
#pragma unroll
          for (int h = 0; h < 2; h++) {
            float highest = 4 * NEVER;
#pragma unroll
            for (int j = 0; j < COLUMNS / 8; j++) highest = fmaxf(highest, fmaxf(p[j * 4 + h * 2], p[j * 4 + h * 2 + 1]));
            highest = fmaxf(highest, __shfl_xor_sync(FULL, highest, 1));
            highest = fmaxf(highest, __shfl_xor_sync(FULL, highest, 2));
            bool unseen = ((unset >> h) & 1) != 0;
            bool moves = unseen ? highest >= NEVER / 2 : highest > 0.0f;
            if (moves) unset &= ~(1u << h);
            float step = moves ? highest : 0.0f;
            float shrink = moves && unseen ? 0.0f : exp2f(-step);
            base[h] += step;
            sum[h] *= shrink;
#pragma unroll
            for (int d = 0; d < D / 8; d++) {
              out[d * 4 + h * 2] *= shrink;
              out[d * 4 + h * 2 + 1] *= shrink;
            }
#pragma unroll
            for (int j = 0; j < COLUMNS / 8; j++) {
              p[j * 4 + h * 2] -= step;
              p[j * 4 + h * 2 + 1] -= step;
            }
          }
        }
      }
#pragma unroll
      for (int e = 0; e < COLUMNS / 2; e++) {
        p[e] = exp2f(p[e]);
        if constexpr (ONLINE) sum[(e >> 1) & 1] += p[e];
      }
      uint32_t weights[S::STEPS][4];
#pragma unroll
      for (int k = 0; k < S::STEPS; k++) Op::weights(reinterpret_cast<const float (*)[4]>(p), k, weights[k]);
      begin_weighted<T>(out, weights, descriptor(tiles + tile * S::PARTS * TILE));
      if (tile < last) {
        begin_scores<T>(
            p, own_x, descriptor(tiles + (tile + 1) * S::PARTS * TILE), tile_b + (tile + 1) * COLUMNS, base, t);
      }
    }
    wait_products();
    settle(out);
    stage = stage == S::STAGES - 1 ? 0 : stage + 1;
  }

  int64_t split = static_cast<int64_t>(blockIdx.y) * s.m_padded;
#pragma unroll
  for (int h = 0; h < 2; h++) {
    int64_t row = split + row0 + own + g + h * 8;
#pragma unroll
    for (int d = 0; d < D / 8; d++) {
      float2 pair{out[d * 4 + h * 2], out[d * 4 + h * 2 + 1]};
      *reinterpret_cast<float2*>(s.out + row * D + d * 8 + t * 2) = pair;
    }
    if constexpr (ONLINE) {
      float total = sum[h];
      total += __shfl_xor_sync(FULL, total, 1);
      total += __shfl_xor_sync(FULL, total, 2);
      if (t == 0) {
        s.maxima[row] = (unset >> h) & 1 ? 4 * NEVER : base[h];
        s.sums[row] = total;
      }
    }
  }
}

#define HOPPER_KERNEL(NAME, T, ONLINE)                                                                                 \
  extern "C" __global__ void __launch_bounds__(hopper::THREADS, 1) NAME(STREAM_PARAMETERS, const void* transposed) {   \
    SHARED_MEMORY(memory);                                                                                             \
    hopper::stream<T, ONLINE>(STREAM_VALUE, transposed, memory);                                                       \
  }

#else
#define HOPPER_KERNEL(NAME, T, ONLINE)
#endif

}  // namespace hopper

HOPPER_KERNEL(softmax_rows_hopper_tf32, float, true)
HOPPER_KERNEL(softmax_columns_hopper_tf32, float, false)
HOPPER_KERNEL(softmax_rows_hopper_bf16, uint16_t, true)
HOPPER_KERNEL(softmax_columns_hopper_bf16, uint16_t, false)
