// Products of a query in whole numbers with codes of 8 bits a component.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "wide.h"

namespace tandem {
namespace detail {

// Sums of products of a query in whole numbers, 16 bits each, with codes, Code being int8_t or uint8_t. The caller sees to it that
// they fit.

template <class Code>
inline int32_t sum_codes(const int16_t* x, const Code* code, size_t from, size_t d) {
  int32_t total = 0;
  for (size_t j = from; j < d; j++) total += x[j] * code[j];
  return total;
}

#if defined(__AVX2__)

inline __m256i widened(const int8_t* code) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code)));
}

inline __m256i widened(const uint8_t* code) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code)));
}

template <class Code>
inline void sum_codes4(const int16_t* x, const Code* const* code, size_t d, int32_t* out) {
  __m256i s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;
  size_t j = 0;
  for (; j + 16 <= d; j += 16) {
    __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + j));
    s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(v, widened(code[0] + j)));
    s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(v, widened(code[1] + j)));
    s2 = _mm256_add_epi32(s2, _mm256_madd_epi16(v, widened(code[2] + j)));
    s3 = _mm256_add_epi32(s3, _mm256_madd_epi16(v, widened(code[3] + j)));
  }
  __m256i s = _mm256_hadd_epi32(_mm256_hadd_epi32(s0, s1), _mm256_hadd_epi32(s2, s3));
  _mm_storeu_si128(
      reinterpret_cast<__m128i*>(out), _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1)));
  for (int r = 0; j < d && r < 4; r++) out[r] += sum_codes(x, code[r], j, d);
}

#else

template <class Code>
inline void sum_codes4(const int16_t* x, const Code* const* code, size_t d, int32_t* out) {
  for (int r = 0; r < 4; r++) out[r] = sum_codes(x, code[r], 0, d);
}

#endif

// A query in whole numbers of 16 bits, and the sums of its products with codes that lie one after the other.
class WholeQuery {
 public:
  // Greatest number: its upper byte, rounded, must be one.
  static const int MOST = 127 * 256 + 127;

  const int16_t* values() const {
    return values_.data();
  }
  size_t size() const {
    return values_.size();
  }
  // x[i] * inverse, rounded, but no more than most, at most MOST
  void set(const float* x, size_t d, float inverse, float most, size_t width) {
    values_.assign(width, 0);
    size_t blocks = (width + BLOCK - 1) / BLOCK;
    high_.assign(blocks * BLOCK, 0);
    low_.assign(blocks * BLOCK, 0);
    sum_ = 0;
    for (size_t i = 0; i < d; i++) {
      int16_t value = std::lrintf(std::min(most, std::max(-most, x[i] * inverse)));
      int high = (value + 128) >> 8;
      values_[i] = value;
      high_[i] = high;
      low_[i] = value - high * 256;
      sum_ += value;
    }
  }
  // ahead: memory to be fetched meanwhile, as much as the codes take
  template <class Code>
  void sums(const Code* codes, size_t n, const void* ahead, int32_t* out) const {
    sums_of_places(codes, n, Every{static_cast<const char*>(ahead)}, out);
  }
  // The same for the codes at chosen places.
  template <class Code>
  void sums_at(const Code* codes, const int32_t* places, size_t n, int32_t* out) const {
    sums_of_places(codes, n, Chosen{places, nullptr}, out);
  }

 private:
  static const size_t BLOCK = 64;

  // Members are fetched where they are used: compilers take a function that does nothing but fetch for one without effect.
  struct Every {
    const char* ahead;
    size_t operator[](size_t i) const {
      return i;
    }
  };
  struct Chosen {
    const int32_t* places;
    const char* ahead; // null: nothing is fetched
    size_t operator[](size_t i) const {
      return places[i];
    }
  };

  template <class Code, class Places>
  void sums_of_places(const Code* codes, size_t n, Places places, int32_t* out) const {
    if (n == 0) return;
#if defined(TANDEM_WIDE)
    if (is_wide()) return wide_sums(codes, n, places, high_.size() / BLOCK, out);
#endif
    const int16_t* x = values();
    const size_t d = size();
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      const Code* code[4];
      for (int r = 0; r < 4; r++) code[r] = codes + places[i + r] * d;
      for (size_t b = 0; places.ahead && b < 4 * d; b += 64) __builtin_prefetch(places.ahead + i * d + b);
      sum_codes4(x, code, d, out + i);
    }
    for (; i < n; i++) out[i] = sum_codes(x, codes + places[i] * d, 0, d);
  }

#if defined(TANDEM_WIDE)
  // Products of bytes are of one that is unsigned with one that is signed: the query's upper bytes and its lower ones are multiplied
  // apart; signed codes are raised by 128, and what that adds is taken off. Inlined, so that the case of one block has no loop.
  template <class Code, class Places>
  TANDEM_WIDE inline __attribute__((always_inline)) void wide_sums_in(
      const Code* codes, size_t n, Places places, const size_t blocks, int32_t* out) const {
    const bool raise = std::is_signed<Code>::value;
    const size_t d = size();
    const int8_t* x[2] = {high_.data(), low_.data()};
    const __m512i raised = _mm512_set1_epi8(-128);
    const __m512i added = _mm512_set1_epi32(raise ? 128 * sum_ : 0);
    const __mmask64 rest = d % BLOCK ? (uint64_t(1) << d % BLOCK) - 1 : ~uint64_t(0);
    const size_t last = blocks - 1;
    for (size_t from = 0; from < n; from += 16) {
      __m512i s[16];
      for (size_t r = 0; r < 16; r++) {
        const size_t i = std::min(from + r, n - 1);
        const Code* code = codes + places[i] * d;
        __m512i high = _mm512_setzero_si512(), low = high;
        for (size_t b = 0; b < last; b++) {
          if (places.ahead) __builtin_prefetch(places.ahead + i * d + b * BLOCK);
          add_products<raise>(_mm512_loadu_si512(code + b * BLOCK), raised, x, b, high, low);
        }
        if (places.ahead) __builtin_prefetch(places.ahead + i * d + last * BLOCK);
        add_products<raise>(_mm512_maskz_loadu_epi8(rest, code + last * BLOCK), raised, x, last, high, low);
        s[r] = _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
      }
      const __mmask16 there = n - from < 16 ? (1u << (n - from)) - 1 : 0xffff;
      _mm512_mask_storeu_epi32(out + from, there, _mm512_sub_epi32(sums_of(s), added));
    }
  }
  template <class Code, class Places>
  TANDEM_WIDE void wide_sums(const Code* codes, size_t n, Places places, size_t blocks, int32_t* out) const {
    if (blocks == 1) {
      wide_sums_in(codes, n, places, 1, out);
    } else {
      wide_sums_in(codes, n, places, blocks, out);
    }
  }
  template <bool RAISE>
  TANDEM_WIDE static inline __attribute__((always_inline)) void add_products(
      __m512i code, __m512i raised, const int8_t* const* x, size_t b, __m512i& high, __m512i& low) {
    if (RAISE) code = _mm512_xor_si512(code, raised);
    high = _mm512_dpbusd_epi32(high, code, _mm512_loadu_si512(x[0] + b * BLOCK));
    low = _mm512_dpbusd_epi32(low, code, _mm512_loadu_si512(x[1] + b * BLOCK));
  }
  // Sixteen vectors' sums.
  TANDEM_WIDE static __m512i sums_of(const __m512i* s) {
    __m512i pairs[8], fours[4], eights[2];
    for (int i = 0; i < 8; i++) {
      pairs[i] = _mm512_add_epi32(
          _mm512_unpacklo_epi32(s[2 * i], s[2 * i + 1]), _mm512_unpackhi_epi32(s[2 * i], s[2 * i + 1]));
    }
    for (int i = 0; i < 4; i++) {
      fours[i] = _mm512_add_epi32(
          _mm512_unpacklo_epi64(pairs[2 * i], pairs[2 * i + 1]), _mm512_unpackhi_epi64(pairs[2 * i], pairs[2 * i + 1]));
    }
    for (int i = 0; i < 2; i++) eights[i] = halves(fours[2 * i], fours[2 * i + 1]);
    return halves(eights[0], eights[1]);
  }
  // Adds neighbouring quarters.
  TANDEM_WIDE static __m512i halves(__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
  }
#endif

  std::vector<int16_t> values_;
  std::vector<int8_t> high_, low_; // 256 * high_ + low_ = values_, in whole blocks
  int32_t sum_ = 0;
};

} // namespace detail
} // namespace tandem
