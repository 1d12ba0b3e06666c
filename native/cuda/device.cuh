// What all kernels share: warp reductions, asynchronous copies, tensor-core products.
//
// The same sources compile for a CPU against emulator/emulator.h, where a block's threads are fibers of one thread;
// that is how the kernels are tested on machines without a GPU.
#pragma once

#ifdef TANDEM_EMULATED
#include "emulator/emulator.h"
#else
#include <cstdint>
#define SHARED_MEMORY(name) extern __shared__ __align__(16) unsigned char name[]
#endif

#define KERNEL extern "C" __global__ void

constexpr unsigned FULL = 0xffffffffu;
constexpr float NEVER = -1e30f;  // far below any score, and finite, so that differences of it are

template <typename T>
__device__ __forceinline__ T warp_sum(T value) {
  for (int step = 16; step > 0; step >>= 1) value += __shfl_xor_sync(FULL, value, step);
  return value;
}

#ifndef TANDEM_EMULATED

// Nearest number with 10 bits of mantissa.
__device__ __forceinline__ uint32_t to_tf32(float value) {
  uint32_t rounded = 0;
#if __CUDA_ARCH__ >= 800
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(value));
#endif
  return rounded;
}

// Two bfloat16 in one word, the first in the lower half.
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
  uint32_t packed = 0;
#if __CUDA_ARCH__ >= 800
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
#endif
  return packed;
}

// c += a b with a of 16 x 8 and b of 8 x 8 (PTX ISA, mma.m16n8k8 .tf32).
__device__ __forceinline__ void mma_tf32(float* c, const uint32_t* a, const uint32_t* b) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// c += a b with a of 16 x 16 and b of 16 x 8 (PTX ISA, mma.m16n8k16 .bf16).
__device__ __forceinline__ void mma_bf16(float* c, const uint32_t* a, const uint32_t* b) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Two transposed 8 x 8 matrices of 16-bit numbers; lanes 0 to 15 give the addresses of their rows (PTX ISA, ldmatrix).
__device__ __forceinline__ void load_transposed(uint32_t* r, const uint16_t* row) {
#if __CUDA_ARCH__ >= 750
  unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(address)
               : "memory");
#endif
}

// Copies 16 bytes to shared memory without waiting for them.
__device__ __forceinline__ void copy_async(void* to, const void* from) {
#if __CUDA_ARCH__ >= 800
  unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(from) : "memory");
#else
  *static_cast<uint4*>(to) = *static_cast<const uint4*>(from);
#endif
}

// The same for the first bytes, 0 to 16 by 4; the rest become 0.
__device__ __forceinline__ void copy_async_some(void* to, const void* from, int bytes) {
#if __CUDA_ARCH__ >= 800
  unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(bytes) : "memory");
#else
  for (int i = 0; i < 4; i++) static_cast<float*>(to)[i] = i * 4 < bytes ? static_cast<const float*>(from)[i] : 0.0f;
#endif
}

__device__ __forceinline__ void commit_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most PENDING committed groups of copies are on their way.
template <int PENDING>
__device__ __forceinline__ void wait_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
#endif
}

#endif
