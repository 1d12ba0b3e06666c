// Vectors in 8 bits a component, to walk a graph by: a row of 64 is one line of the cache where the vector itself is four, and
// waiting for memory is most of what a walk does. What it finds is scored again with the vectors themselves.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "code_products.h"

namespace tandem {
namespace detail {

const size_t HUGE_PAGE = size_t(1) << 21;

// Puts memory that is read here and there on huge pages, where the system has them: otherwise most reads look their page up first.
inline void use_huge_pages(const void* begin, size_t bytes) {
  const int collapse = 25; // MADV_COLLAPSE, Linux 6.1; what refuses it goes on as before
  uintptr_t from = (reinterpret_cast<uintptr_t>(begin) + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
  uintptr_t to = (reinterpret_cast<uintptr_t>(begin) + bytes) & ~(HUGE_PAGE - 1);
  if (from < to) madvise(reinterpret_cast<void*>(from), to - from, collapse);
}

// Row r is about scale[r] * code[r]; every row has a scale of its own, since lengths may differ much.
class Codes {
 public:
  // Codes of a row begin at multiples of this, padded with zeros.
  static const size_t LANES = 16;
  // Products of wider rows with a query would not fit into 32 bits.
  static const size_t WIDEST = 2048;

  // x: size n * d
  Codes(const float* x, size_t n, size_t d)
      : width_((d + LANES - 1) / LANES * LANES), scales_(n), codes_(allocate(n * width_)) {
#pragma omp parallel for
    for (size_t row = 0; row < n; row++) encode(x + row * d, d, codes_.get() + row * width_, scales_[row]);
  }
  size_t width() const {
    return width_;
  }
  size_t bytes() const {
    return scales_.size() * (width_ + sizeof(float)) + ring_.size() * sizeof(int32_t);
  }
  const int8_t* code(int64_t row) const {
    return codes_.get() + row * width_;
  }
  const float* scale(int64_t row) const {
    return scales_.data() + row;
  }
  // For every row the next that equals it, in a ring; null where there are no copies.
  const int32_t* ring() const {
    return ring_.empty() ? nullptr : ring_.data();
  }
  void ring(std::vector<int32_t> ring) {
    ring_ = std::move(ring);
  }

 private:
  struct Free {
    void operator()(int8_t* memory) const {
      std::free(memory);
    }
  };
  static int8_t* allocate(size_t bytes) {
    size_t whole = std::max<size_t>(1, (bytes + HUGE_PAGE - 1) / HUGE_PAGE) * HUGE_PAGE;
    void* memory = nullptr;
    if (posix_memalign(&memory, bytes < HUGE_PAGE ? 64 : HUGE_PAGE, bytes < HUGE_PAGE ? bytes + 1 : whole)) throw std::bad_alloc();
    if (bytes >= HUGE_PAGE) madvise(memory, whole, MADV_HUGEPAGE);
    return static_cast<int8_t*>(memory);
  }
  void encode(const float* x, size_t d, int8_t* code, float& scale) const {
    float largest = 0;
    for (size_t i = 0; i < d; i++) largest = std::max(largest, std::fabs(x[i]));
    scale = largest / 127;
    float inverse = scale > 0 ? 1 / scale : 0;
    size_t i = 0;
#if defined(__AVX2__)
    // As below, eight at a time: compilers leave rounding alone, and opening a million rows waits for it.
    for (; i + 8 <= d; i += 8) {
      __m256 value = _mm256_mul_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(inverse));
      value = _mm256_min_ps(_mm256_set1_ps(127), _mm256_max_ps(_mm256_set1_ps(-127), value));
      __m256i whole = _mm256_cvtps_epi32(value);
      __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(code + i), _mm_packs_epi16(words, words));
    }
#endif
    for (; i < d; i++) code[i] = std::lrintf(std::min(127.0f, std::max(-127.0f, x[i] * inverse)));
    std::fill(code + d, code + width_, 0);
  }

  size_t width_;
  std::vector<float> scales_;
  std::vector<int32_t> ring_;
  std::unique_ptr<int8_t, Free> codes_;
};

// A query in 14 bits a component, and its products with codes.
class CodedQuery {
 public:
  void set(const float* x, size_t d, size_t width) {
    float largest = 0;
    for (size_t i = 0; i < d; i++) largest = std::max(largest, std::fabs(x[i]));
    const float most = 8191;
    scale_ = largest / most;
    float inverse = scale_ > 0 ? 1 / scale_ : 0;
    query_.set(x, d, inverse, most, width);
  }
  // Scores of rows, in any order.
  template <class Row>
  void score(const Codes& codes, const Row* rows, size_t n, float* out) const {
    const int16_t* x = query_.values();
    size_t d = query_.size(), i = 0;
    for (; i + 4 <= n; i += 4) {
      const int8_t* code[4];
      int32_t total[4];
      for (int r = 0; r < 4; r++) code[r] = codes.code(rows[i + r]);
      sum_codes4(x, code, d, total);
      for (int r = 0; r < 4; r++) out[i + r] = scale_ * *codes.scale(rows[i + r]) * total[r];
    }
    for (; i < n; i++) out[i] = scale_ * *codes.scale(rows[i]) * sum_codes(x, codes.code(rows[i]), 0, d);
  }
  // Scores of rows that follow each other, at most MOST_ROWS.
  void score(const Codes& codes, int64_t row, size_t n, float* out) const {
    int32_t total[MOST_ROWS];
    query_.sums(codes.code(row), n, codes.code(row + n), total);
    const float* scales = codes.scale(row);
    for (size_t i = 0; i < n; i++) out[i] = scale_ * scales[i] * total[i];
  }
  static const size_t MOST_ROWS = 256;

 private:
  WholeQuery query_;
  float scale_ = 0;
};

} // namespace detail
} // namespace tandem
