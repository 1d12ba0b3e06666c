// A CUDA block on one CPU thread: its threads are fibers that run in turn and meet at barriers. Warp instructions and
// tensor-core products are computed from what all lanes bring, by the layouts of the PTX ISA. Blocks run one by one.
// For tests: it shows whether kernels compute what they should, not how fast.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <algorithm>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define SHARED_MEMORY(name) unsigned char* name = emulated::shared_memory

struct Dim3 {
  unsigned x, y, z;
};
struct float2 {
  float x, y;
};
struct uint2 {
  unsigned x, y;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
struct float4 {
  float x, y, z, w;
};
using std::max;
using std::min;

namespace emulated {

constexpr int WARP = 32;
constexpr int WORDS = 8;

struct Warp {
  uint32_t words[2][WARP][WORDS];
  const void* pointers[2][WARP];
  int arrived = 0;
  unsigned generation = 0;
  int lanes = 0;  // that have not returned
};

struct Fiber {
  Dim3 thread;
  void* stack_pointer;
  Warp* warp;
  int lane;
  bool done;
};

extern thread_local Fiber* current;
extern thread_local Dim3 block;
extern thread_local Dim3 block_size;
extern thread_local unsigned char* shared_memory;

void yield();
void block_barrier();

// Waits for the other lanes; the number of the meeting's buffer.
inline void warp_barrier() {
  Warp* w = current->warp;
  unsigned generation = w->generation;
  if (++w->arrived >= w->lanes) {
    w->arrived = 0;
    w->generation++;
    return;
  }
  while (w->generation == generation) yield();
}

// Brings words and waits; what all lanes brought.
inline uint32_t (*exchange(const uint32_t* own, int count))[WORDS] {
  Warp* w = current->warp;
  auto* slot = w->words[w->generation & 1];
  std::memcpy(slot[current->lane], own, count * sizeof(uint32_t));
  warp_barrier();
  return slot;
}

}  // namespace emulated

#define threadIdx (emulated::current->thread)
#define blockIdx (emulated::block)
#define blockDim (emulated::block_size)

inline void __syncthreads() { emulated::block_barrier(); }
inline void __syncwarp() { emulated::warp_barrier(); }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline uint32_t __float_as_uint(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}
inline float __uint_as_float(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

template <typename T>
inline T __shfl_sync(unsigned, T value, int from) {
  uint32_t own[2] = {};
  std::memcpy(own, &value, sizeof(T));
  auto* all = emulated::exchange(own, 2);
  T result;
  std::memcpy(&result, all[from & 31], sizeof(T));
  return result;
}
template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits) {
  return __shfl_sync(mask, value, emulated::current->lane ^ bits);
}
template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, int step) {
  int lane = emulated::current->lane;
  return __shfl_sync(mask, value, lane >= step ? lane - step : lane);
}
inline unsigned __match_any_sync(unsigned, unsigned value) {
  auto* all = emulated::exchange(&value, 1);
  unsigned peers = 0;
  for (int lane = 0; lane < 32; lane++) peers |= (all[lane][0] == value ? 1u : 0u) << lane;
  return peers;
}
inline bool __any_sync(unsigned, bool value) {
  uint32_t own = value;
  auto* all = emulated::exchange(&own, 1);
  bool any = false;
  for (int lane = 0; lane < 32; lane++) any |= all[lane][0] != 0;
  return any;
}
inline int atomicAdd(int* at, int value) {
  int before = *at;
  *at += value;
  return before;
}

// Nearest, ties away from zero.
inline uint32_t to_tf32(float value) {
  return std::isfinite(value) ? (__float_as_uint(value) + 0x1000u) & ~0x1fffu : __float_as_uint(value);
}
inline uint32_t to_bf16(float value) {
  uint32_t bits = __float_as_uint(value);
  if (!std::isfinite(value)) return bits >> 16;
  return (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;  // nearest, ties to even
}
inline uint32_t pack_bf16(float low, float high) { return to_bf16(low) | to_bf16(high) << 16; }
inline float from_bf16(uint32_t bits) { return __uint_as_float(bits << 16); }

// PTX ISA, mma.m16n8k8: a row g + 8 (r & 1), column t + 4 (r >> 1); b row t + 4 r, column g; c row g + 8 (r >> 1),
// column 2 t + (r & 1). The hardware ignores the low 13 bits of operands.
inline void mma_tf32(float* c, const uint32_t* a, const uint32_t* b) {
  uint32_t own[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
  auto* all = emulated::exchange(own, 6);
  int g = emulated::current->lane >> 2;
  int t = emulated::current->lane & 3;
  for (int r = 0; r < 4; r++) {
    int row = g + (r >> 1) * 8;
    int column = 2 * t + (r & 1);
    for (int k = 0; k < 8; k++) {
      uint32_t x = all[(row & 7) * 4 + (k & 3)][(row >> 3) + 2 * (k >> 2)];
      uint32_t y = all[column * 4 + (k & 3)][4 + (k >> 2)];
      c[r] += __uint_as_float(x & ~0x1fffu) * __uint_as_float(y & ~0x1fffu);
    }
  }
}

// PTX ISA, mma.m16n8k16: a row g + 8 (r & 1), columns 2 t + 8 (r >> 1) and the next; b rows 2 t + 8 r and the next,
// column g; c as above.
inline void mma_bf16(float* c, const uint32_t* a, const uint32_t* b) {
  uint32_t own[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
  auto* all = emulated::exchange(own, 6);
  int g = emulated::current->lane >> 2;
  int t = emulated::current->lane & 3;
  for (int r = 0; r < 4; r++) {
    int row = g + (r >> 1) * 8;
    int column = 2 * t + (r & 1);
    for (int k = 0; k < 16; k++) {
      uint32_t x = all[(row & 7) * 4 + ((k & 7) >> 1)][(row >> 3) + 2 * (k >> 3)];
      uint32_t y = all[column * 4 + ((k & 7) >> 1)][4 + (k >> 3)];
      c[r] += from_bf16((x >> (16 * (k & 1))) & 0xffff) * from_bf16((y >> (16 * (k & 1))) & 0xffff);
    }
  }
}

// Products of warpgroups, wgmma m64n64k16 of bfloat16 and m64n64k8 of TF32: each warp does its own 16 rows. A descriptor
// is the address of a tile by 16 bytes, in rows of 128 bytes, swizzled.
namespace emulated::warpgroup {

inline uint64_t descriptor(const void* tile) { return reinterpret_cast<uintptr_t>(tile) >> 4; }
inline const unsigned char* swizzled(uint64_t descriptor, int offset) {
  uintptr_t address = (descriptor << 4) + offset;
  return reinterpret_cast<const unsigned char*>(address ^ ((address >> 3) & 0x70));
}
inline float tf32_at(const unsigned char* at) {
  uint32_t bits;
  std::memcpy(&bits, at, 4);
  return __uint_as_float(bits & ~0x1fffu);
}

template <typename A, typename B>
inline void multiply(float* c, int depth, A a, B b) {
  int g = current->lane >> 2;
  int t = current->lane & 3;
  for (int r = 0; r < 32; r++) {
    int row = g + ((r >> 1) & 1) * 8;
    int column = (r >> 2) * 8 + 2 * t + (r & 1);
    for (int k = 0; k < depth; k++) c[r] += a(row, k) * b(k, column);
  }
}

inline float bf16_at(const unsigned char* at) {
  uint16_t bits;
  std::memcpy(&bits, at, 2);
  return from_bf16(bits);
}

template <typename T>
inline void multiply(float* c, const uint32_t* a, uint64_t b) {
  auto* all = exchange(a, 4);
  if constexpr (sizeof(T) == 2) {
    multiply(
        c, 16,
        [&](int row, int k) {
          uint32_t pair = all[(row & 7) * 4 + ((k & 7) >> 1)][(row >> 3) + 2 * (k >> 3)];
          return from_bf16((pair >> (16 * (k & 1))) & 0xffff);
        },
        [&](int k, int column) { return bf16_at(swizzled(b, k * 128 + column * 2)); });
  } else {
    multiply(
        c, 8,
        [&](int row, int k) {
          return __uint_as_float(all[(row & 7) * 4 + (k & 3)][(row >> 3) + 2 * (k >> 2)] & ~0x1fffu);
        },
        [&](int k, int column) { return tf32_at(swizzled(b, column * 128 + k * 4)); });
  }
}

template <typename T>
inline void multiply(float* c, uint64_t a, uint64_t b) {
  int first = static_cast<int>(current->thread.x >> 5 & 3) * 16;
  auto at = [](uint64_t tile, int row, int k) {
    const unsigned char* place = swizzled(tile, row * 128 + k * static_cast<int>(sizeof(T)));
    return sizeof(T) == 2 ? bf16_at(place) : tf32_at(place);
  };
  multiply(
      c, sizeof(T) == 2 ? 16 : 8, [&](int row, int k) { return at(a, first + row, k); },
      [&](int k, int column) { return at(b, column, k); });
}

inline void begin_products(float*) {}
inline void commit_products() {}
inline void wait_products() {}
inline void settle(float*) {}
inline void publish() {}
inline unsigned to_alignment(const unsigned char* memory) { return -reinterpret_cast<uintptr_t>(memory) & 1023; }

}  // namespace emulated::warpgroup

// PTX ISA, ldmatrix .x2 .trans: lane l gets elements [2 t, g] and [2 t + 1, g] of each matrix.
inline void load_transposed(uint32_t* r, const uint16_t* row) {
  emulated::Warp* w = emulated::current->warp;
  auto* slot = w->pointers[w->generation & 1];
  slot[emulated::current->lane] = row;
  emulated::warp_barrier();
  int g = emulated::current->lane >> 2;
  int t = emulated::current->lane & 3;
  for (int matrix = 0; matrix < 2; matrix++) {
    const uint16_t* first = static_cast<const uint16_t*>(slot[matrix * 8 + 2 * t]);
    const uint16_t* second = static_cast<const uint16_t*>(slot[matrix * 8 + 2 * t + 1]);
    r[matrix] = first[g] | static_cast<uint32_t>(second[g]) << 16;
  }
}

inline void copy_async(void* to, const void* from) {
  if ((reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) & 15) {
    std::fprintf(stderr, "emulated CUDA: a 16-byte copy is not aligned\n");
    std::abort();
  }
  std::memcpy(to, from, 16);
}
inline void copy_async_some(void* to, const void* from, int bytes) {
  if ((reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) & 15) {
    std::fprintf(stderr, "emulated CUDA: a 16-byte copy is not aligned\n");
    std::abort();
  }
  std::memset(to, 0, 16);
  std::memcpy(to, from, bytes);
}
inline void commit_copies() {}
template <int PENDING>
inline void wait_copies() {}
