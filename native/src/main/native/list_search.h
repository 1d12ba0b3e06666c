// The search of inverted lists with 8 bits a component (IndexIVFScalarQuantizer), for one query.
//
// FAISS 1.7.3 turns every code back into floats. A product with a code is a sum of whole numbers, though, but for factors of the
// query alone: component i of a vector is least[i] + (code[i] + 1/2) / 255 * range[i].
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexScalarQuantizer.h>

#include "dot_products.h"
#include "graph_codes.h"
#include "row_search.h"

namespace tandem {
namespace detail {

// The lists that search_coded_lists can take, or null.
inline const faiss::IndexIVFScalarQuantizer* coded_lists(const faiss::Index* index) {
  auto lists = dynamic_cast<const faiss::IndexIVFScalarQuantizer*>(index);
  return lists && lists->sq.qtype == faiss::ScalarQuantizer::QT_8bit && lists->metric_type == faiss::METRIC_INNER_PRODUCT &&
          lists->max_codes == 0
      ? lists
      : nullptr;
}

// A query's products with codes, by whole numbers.
class ListQuery {
 public:
  void set(const float* x, const faiss::ScalarQuantizer& quantizer) {
    size_t d = quantizer.d;
    const float* least = quantizer.trained.data();
    const float* range = least + d;
    factors_.resize(d);
    whole_.resize(d);
    constant_ = 0;
    float largest = 0;
    for (size_t i = 0; i < d; i++) {
      factors_[i] = x[i] * range[i] / 255;
      largest = std::max(largest, std::fabs(factors_[i]));
      constant_ += x[i] * least[i] + factors_[i] / 2;
    }
    // The sum of d products with codes must fit into 31 bits.
    const float most = std::min<float>(32767, 0x7fffffff / (255.0f * d) - 1);
    scale_ = largest / most;
    float inverse = scale_ > 0 ? 1 / scale_ : 0;
    for (size_t i = 0; i < d; i++) whole_[i] = std::lrintf(std::min(most, std::max(-most, factors_[i] * inverse)));
  }

  // Scores of n codes, one after the other.
  void score(const uint8_t* codes, size_t n, float base, float* out) const {
    base += constant_;
    const int16_t* x = whole_.data();
    size_t d = whole_.size(), i = 0;
    for (; i + 4 <= n; i += 4) {
      const uint8_t* at = codes + i * d;
      const uint8_t* code[4] = {at, at + d, at + 2 * d, at + 3 * d};
      int32_t total[4];
      for (size_t b = 0; b < 4 * d; b += 64) __builtin_prefetch(at + AHEAD + b);
      sum_codes4(x, code, d, total);
      for (int r = 0; r < 4; r++) out[i + r] = base + scale_ * total[r];
    }
    for (; i < n; i++) out[i] = base + scale_ * sum_codes(x, codes + i * d, 0, d);
  }

 private:
  // Bytes: the processor looks ahead by itself, but not beyond a page.
  static const int AHEAD = 2048;

  std::vector<float> factors_;
  std::vector<int16_t> whole_;
  float scale_ = 0, constant_ = 0;
};

// The lists nearest to a query, and how near: as the quantizer's own search, without its overhead.
//
// codes: of the centroids, or null; which lists are nearest goes by them
inline void nearest_lists(
    const faiss::IndexIVF* index,
    const Codes* codes,
    const float* x,
    size_t probes,
    std::vector<float>& scores,
    std::vector<int64_t>& lists) {
  scores.resize(probes);
  lists.resize(probes);
  auto centroids = dynamic_cast<const faiss::IndexFlat*>(index->quantizer);
  if (!codes || !centroids) {
    index->quantizer->search(1, x, probes, scores.data(), lists.data());
    return;
  }
  thread_local CodedQuery query;
  size_t d = centroids->d;
  query.set(x, d, codes->width());
  Best& best = best_of_thread();
  best.reset(probes);
  const size_t chunk = 64;
  int64_t rows[chunk];
  float found[chunk];
  for (int64_t from = 0; from < centroids->ntotal; from += chunk) {
    size_t n = std::min<size_t>(chunk, centroids->ntotal - from);
    for (size_t i = 0; i < n; i++) rows[i] = from + i;
    query.score(*codes, rows, n, found);
    for (size_t i = 0; i < n; i++) best.offer(found[i], rows[i]);
  }
  best.finish(scores.data(), lists.data());
  dot_rows(x, centroids->get_xb(), d, lists.data(), probes, scores.data());
}

// Searches; gives the number of codes scored. Missing results are labelled -1.
template <class Allowed>
int64_t search_coded_lists(
    const faiss::IndexIVFScalarQuantizer* index,
    const Codes* codes,
    const float* x,
    int64_t k,
    size_t probes,
    const Allowed& allowed,
    float* distances,
    int64_t* labels) {
  thread_local std::vector<int64_t> lists;
  thread_local std::vector<float> nearness;
  thread_local ListQuery query;
  nearest_lists(index, codes, x, std::min(index->nlist, probes), nearness, lists);
  query.set(x, index->sq);
  Best& best = best_of_thread();
  best.reset(k);
  int64_t scored = 0;
  const size_t chunk = 256;
  float found[chunk];
  for (size_t l = 0; l < lists.size(); l++) {
    if (lists[l] < 0) continue;
    size_t n = index->invlists->list_size(lists[l]);
    if (n == 0) continue;
    faiss::InvertedLists::ScopedCodes listed(index->invlists, lists[l]);
    faiss::InvertedLists::ScopedIds ids(index->invlists, lists[l]);
    float base = index->by_residual ? nearness[l] : 0;
    for (size_t from = 0; from < n; from += chunk) {
      size_t count = std::min(chunk, n - from);
      query.score(listed.get() + from * index->code_size, count, base, found);
      for (size_t i = 0; i < count; i++) {
        if (best.takes(found[i]) && allowed(ids.get()[from + i])) best.offer(found[i], ids.get()[from + i]);
      }
    }
    scored += n;
  }
  best.finish(distances, labels);
  return scored;
}

} // namespace detail
} // namespace tandem
