// Exact search among chosen rows: each is scored, and nothing else is looked at.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <faiss/IndexFlat.h>
#include <faiss/IndexFlatCodes.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexIVFFastScan.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/impl/DistanceComputer.h>

#include "dot_products.h"
#include "graph_search.h"
#include "wide.h"

namespace tandem {
namespace detail {

#if defined(TANDEM_WIDE)
TANDEM_WIDE inline size_t wide_at_least(float least, const float* scores, size_t n, int32_t* places) {
  size_t count = 0;
  __m512i next = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 there = n - i < 16 ? (1u << (n - i)) - 1 : 0xffff;
    __mmask16 chosen = _mm512_mask_cmp_ps_mask(there, _mm512_maskz_loadu_ps(there, scores + i), _mm512_set1_ps(least), _CMP_GE_OQ);
    _mm512_storeu_si512(places + count, _mm512_maskz_compress_epi32(chosen, next));
    count += __builtin_popcount(chosen);
    next = _mm512_add_epi32(next, _mm512_set1_epi32(16));
  }
  return count;
}
#endif

// Which of n scores are at least so much; places has room for 16 more than there are scores.
inline size_t at_least(float least, const float* scores, size_t n, int32_t* places) {
#if defined(TANDEM_WIDE)
  if (is_wide()) return wide_at_least(least, scores, n, places);
#endif
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    places[count] = i;
    count += scores[i] >= least;
  }
  return count;
}

// The best k of what is offered; of equal scores the lower row. Descending in the end. What may be among them is gathered, and cut
// down to k when it is twice as many: cheaper than a heap, which moves entries for each. Whether a row may be among them is no
// branch, as a processor could not foresee it. Rows are below 2^32.
class Best {
 public:
  void reset(size_t k) {
    k_ = k;
    most_ = k + std::max<size_t>(k, 128);
    size_ = 0;
    least_ = std::numeric_limits<float>::lowest();
    if (hits_.size() < most_) hits_.resize(most_);
  }
  void offer(const float* scores, const int64_t* rows, size_t n) {
    gather(scores, n, [rows](size_t i) { return rows[i]; });
  }
  // Rows that follow each other.
  void offer(const float* scores, int64_t row, size_t n) {
    gather(scores, n, [row](size_t i) { return row + static_cast<int64_t>(i); });
  }
  // The same where hardly any is among the best, as in a scan of all rows.
  void offer_rarely(const float* scores, int64_t row, size_t n) {
    const size_t some = 32;
    for (size_t from = 0; from < n; from += some) {
      size_t count = std::min(some, n - from);
      int any = 0;
      for (size_t i = from; i < from + count; i++) any |= scores[i] >= least_;
      if (any) offer(scores + from, row + from, count);
    }
  }
  void finish(float* distances, int64_t* labels) {
    if (size_ > k_) cut();
    std::sort(hits_.begin(), hits_.begin() + size_, std::greater<uint64_t>());
    for (size_t i = 0; i < k_; i++) {
      distances[i] = i < size_ ? score(hits_[i]) : std::numeric_limits<float>::lowest();
      labels[i] = i < size_ ? row(hits_[i]) : -1;
    }
  }

 private:
  // A score and a row in one number, which is the greater the better: bits of the score, turned so that they are in its order, above
  // those of the row, inverted. A score of -0 is one of 0.
  static uint64_t hit(float score, int64_t row) {
    int32_t bits;
    score += 0.0f;
    std::memcpy(&bits, &score, sizeof(bits));
    bits ^= (bits >> 31) & 0x7fffffff;
    return (static_cast<uint64_t>(static_cast<uint32_t>(bits) ^ 0x80000000u) << 32) | static_cast<uint32_t>(~row);
  }
  static float score(uint64_t hit) {
    int32_t bits = static_cast<int32_t>(static_cast<uint32_t>(hit >> 32) ^ 0x80000000u);
    bits ^= (bits >> 31) & 0x7fffffff;
    float score;
    std::memcpy(&score, &bits, sizeof(score));
    return score;
  }
  static int64_t row(uint64_t hit) {
    return static_cast<uint32_t>(~hit);
  }
  template <class Row>
  void gather(const float* scores, size_t n, Row row) {
    const size_t some = 256;
    int32_t places[some + 16];
    for (size_t from = 0; from < n; from += some) {
      size_t count = at_least(least_, scores + from, std::min(some, n - from), places);
      for (size_t j = 0; j < count; j++) {
        size_t i = from + places[j];
        hits_[size_++] = hit(scores[i], row(i));
        if (size_ == most_) cut();
      }
    }
  }
  void cut() {
    if (k_ > 0) {
      std::nth_element(hits_.begin(), hits_.begin() + (k_ - 1), hits_.begin() + size_, std::greater<uint64_t>());
      least_ = score(hits_[k_ - 1]);
    }
    size_ = k_;
  }

  size_t k_ = 0, most_ = 0, size_ = 0;
  float least_ = 0; // of the best k, as of the last cut
  std::vector<uint64_t> hits_;
};

inline Best& best_of_thread() {
  thread_local Best best;
  return best;
}

// Scores of rows from whichever form an index keeps them in, for one query.
class RowScores {
 public:
  virtual ~RowScores() {}
  virtual void score(const int64_t* rows, size_t n, float* out) = 0;
  // All rows below a bound.
  virtual void offer_all(int64_t rows, Best& best) {
    int64_t next[CHUNK];
    float found[CHUNK];
    for (int64_t from = 0; from < rows; from += CHUNK) {
      int64_t n = std::min<int64_t>(CHUNK, rows - from);
      std::iota(next, next + n, from);
      score(next, n, found);
      best.offer_rarely(found, from, n);
    }
  }

 protected:
  static const int CHUNK = 256;
};

class FlatRowScores : public RowScores {
 public:
  FlatRowScores(const float* x, const float* base, size_t d) : x_(x), base_(base), d_(d) {}
  void score(const int64_t* rows, size_t n, float* out) override {
    if (n > 0 && rows[n - 1] - rows[0] == static_cast<int64_t>(n) - 1) {
      // Most likely one after the other, which the processor foresees.
      dot_rows(x_, base_, d_, rows, n, out);
      return;
    }
    const size_t ahead = 8;
    for (size_t i = 0; i < n; i += ahead) {
      size_t count = std::min(ahead, n - i);
      for (size_t j = i + ahead; j < std::min(i + 2 * ahead, n); j++) {
        FlatScores{x_, base_, d_}.prefetch(rows[j]);
      }
      dot_rows(x_, base_, d_, rows + i, count, out + i);
    }
  }
  void offer_all(int64_t rows, Best& best) override {
    float found[CHUNK];
    for (int64_t from = 0; from < rows; from += CHUNK) {
      int64_t n = std::min<int64_t>(CHUNK, rows - from);
      dot_next(x_, base_ + from * d_, d_, n, found);
      best.offer_rarely(found, from, n);
    }
  }

 private:
  const float* x_;
  const float* base_;
  size_t d_;
};

class ComputedRowScores : public RowScores {
 public:
  ComputedRowScores(const faiss::IndexFlatCodes* codes, const float* x) : computer_(codes->get_distance_computer()) {
    computer_->set_query(x);
  }
  void score(const int64_t* rows, size_t n, float* out) override {
    for (size_t i = 0; i < n; i++) out[i] = (*computer_)(rows[i]);
  }

 private:
  std::unique_ptr<faiss::DistanceComputer> computer_;
};

class ListedRowScores : public RowScores {
 public:
  ListedRowScores(const faiss::IndexIVF* lists, const float* x)
      : lists_(lists), x_(x), scanner_(lists->get_InvertedListScanner(false, nullptr)), centroid_(lists->d) {
    scanner_->set_query(x);
    flat_ = dynamic_cast<const faiss::IndexIVFFlat*>(lists) != nullptr;
  }
  void score(const int64_t* rows, size_t n, float* out) override {
    for (size_t i = 0; i < n; i++) {
      int64_t place = lists_->direct_map.get(rows[i]);
      int64_t list = faiss::lo_listno(place);
      faiss::InvertedLists::ScopedCodes code(lists_->invlists, list, faiss::lo_offset(place));
      if (flat_) {
        out[i] = dot(x_, reinterpret_cast<const float*>(code.get()), lists_->d);
        continue;
      }
      if (list != current_) {
        current_ = list;
        lists_->quantizer->reconstruct(list, centroid_.data());
        scanner_->set_list(list, dot(x_, centroid_.data(), lists_->d));
      }
      out[i] = scanner_->distance_to_code(code.get());
    }
  }

 private:
  const faiss::IndexIVF* lists_;
  const float* x_;
  std::unique_ptr<faiss::InvertedListScanner> scanner_;
  std::vector<float> centroid_;
  int64_t current_ = -1;
  bool flat_;
};

// Null where an index has no way to score a row.
inline std::unique_ptr<RowScores> row_scores(const faiss::Index* index, const float* x) {
  std::unique_ptr<RowScores> scores;
  if (index->metric_type != faiss::METRIC_INNER_PRODUCT) return scores;
  if (auto graph = dynamic_cast<const faiss::IndexHNSW*>(index)) index = graph->storage;
  if (auto flat = dynamic_cast<const faiss::IndexFlat*>(index)) {
    scores.reset(new FlatRowScores(x, flat->get_xb(), flat->d));
  } else if (auto codes = dynamic_cast<const faiss::IndexFlatCodes*>(index)) {
    scores.reset(new ComputedRowScores(codes, x));
  } else if (auto lists = dynamic_cast<const faiss::IndexIVF*>(index)) {
    if (!dynamic_cast<const faiss::IndexIVFFastScan*>(index) && lists->direct_map.type == faiss::DirectMap::Array) {
      scores.reset(new ListedRowScores(lists, x));
    }
  }
  return scores;
}

// Rows on their way to be scored, some at a time.
class Listing {
 public:
  Listing(RowScores& scores, Best& best) : scores_(scores), best_(best) {}
  void add(int64_t row) {
    rows_[count_++] = row;
    if (count_ == CHUNK) flush();
  }
  void flush() {
    scores_.score(rows_, count_, found_);
    best_.offer(found_, rows_, count_);
    count_ = 0;
  }

 private:
  static const int CHUNK = 256;
  RowScores& scores_;
  Best& best_;
  int64_t rows_[CHUNK];
  float found_[CHUNK];
  int count_ = 0;
};

// Offers every allowed row below a bound; all rows where bits is null.
inline void offer_rows(RowScores& scores, int64_t rows, const uint8_t* bits, int64_t bytes, Best& best) {
  if (!bits) {
    scores.offer_all(rows, best);
    return;
  }
  Listing listing(scores, best);
  for (int64_t byte = 0; byte < bytes; byte += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bits + byte, std::min<int64_t>(8, bytes - byte));
    for (; word; word &= word - 1) {
      int64_t row = byte * 8 + __builtin_ctzll(word);
      if (row < rows) listing.add(row);
    }
  }
  listing.flush();
}

} // namespace detail
} // namespace tandem
