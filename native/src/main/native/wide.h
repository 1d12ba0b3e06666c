// Vectors of 512 bits. Libraries are built for less, so that what is compiled for them is chosen as the program runs.
#pragma once

#include <atomic>

#if defined(__x86_64__) && defined(__AVX2__)
#include <immintrin.h>
// What a function needs that is called where is_wide() says so.
#define TANDEM_WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#endif

namespace tandem {
namespace detail {

// Whether the processor has them, and products of bytes in them.
inline bool has_wide() {
#if defined(TANDEM_WIDE)
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

inline std::atomic<bool>& wide() {
  static std::atomic<bool> used{has_wide()};
  return used;
}

inline bool is_wide() {
  return wide().load(std::memory_order_relaxed);
}

} // namespace detail
} // namespace tandem
