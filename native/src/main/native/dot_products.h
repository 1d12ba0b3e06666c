// Dot products of one query with many rows of float vectors, row-major.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace tandem {
namespace detail {

#if defined(__AVX2__) && defined(__FMA__)

inline float sum(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

// The sums of four vectors, each added in the order of sum.
inline __m128 sums(__m256 a, __m256 b, __m256 c, __m256 e) {
  __m128 s0 = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  __m128 s1 = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  __m128 s2 = _mm_add_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1));
  __m128 s3 = _mm_add_ps(_mm256_castps256_ps128(e), _mm256_extractf128_ps(e, 1));
  _MM_TRANSPOSE4_PS(s0, s1, s2, s3);
  return _mm_add_ps(_mm_add_ps(s0, s2), _mm_add_ps(s1, s3));
}

inline float dot(const float* x, const float* y, size_t d) {
  __m256 s = _mm256_setzero_ps();
  size_t j = 0;
  for (; j + 8 <= d; j += 8) s = _mm256_fmadd_ps(_mm256_loadu_ps(x + j), _mm256_loadu_ps(y + j), s);
  float total = sum(s);
  for (; j < d; j++) total += x[j] * y[j];
  return total;
}

// Four rows at a time, each summed exactly as by dot: a row's score does not depend on its neighbours.
inline void dot4(const float* x, const float* const* y, size_t d, float* out) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  size_t j = 0;
  for (; j + 8 <= d; j += 8) {
    __m256 v = _mm256_loadu_ps(x + j);
    s0 = _mm256_fmadd_ps(v, _mm256_loadu_ps(y[0] + j), s0);
    s1 = _mm256_fmadd_ps(v, _mm256_loadu_ps(y[1] + j), s1);
    s2 = _mm256_fmadd_ps(v, _mm256_loadu_ps(y[2] + j), s2);
    s3 = _mm256_fmadd_ps(v, _mm256_loadu_ps(y[3] + j), s3);
  }
  _mm_storeu_ps(out, sums(s0, s1, s2, s3));
  for (; j < d; j++) {
    for (int r = 0; r < 4; r++) out[r] += x[j] * y[r][j];
  }
}

#else

inline float dot(const float* x, const float* y, size_t d) {
  float s[4] = {0, 0, 0, 0};
  size_t j = 0;
  for (; j + 4 <= d; j += 4) {
    for (int l = 0; l < 4; l++) s[l] += x[j + l] * y[j + l];
  }
  float total = (s[0] + s[1]) + (s[2] + s[3]);
  for (; j < d; j++) total += x[j] * y[j];
  return total;
}

inline void dot4(const float* x, const float* const* y, size_t d, float* out) {
  for (int r = 0; r < 4; r++) out[r] = dot(x, y[r], d);
}

#endif

// Scores of rows that lie anywhere in base.
template <class Row>
inline void dot_rows(const float* x, const float* base, size_t d, const Row* rows, size_t n, float* out) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const float* y[4] = {
        base + rows[i] * d, base + rows[i + 1] * d, base + rows[i + 2] * d, base + rows[i + 3] * d};
    dot4(x, y, d, out + i);
  }
  for (; i < n; i++) out[i] = dot(x, base + rows[i] * d, d);
}

// Scores of rows that lie one after the other.
inline void dot_next(const float* x, const float* base, size_t d, size_t n, float* out) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4, base += 4 * d) {
    const float* y[4] = {base, base + d, base + 2 * d, base + 3 * d};
    dot4(x, y, d, out + i);
  }
  for (; i < n; i++, base += d) out[i] = dot(x, base, d);
}

} // namespace detail
} // namespace tandem
