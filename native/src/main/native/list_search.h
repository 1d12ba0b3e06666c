// The search of inverted lists for one query: of whole vectors (IndexIVFFlat) and of 8 bits a component (IndexIVFScalarQuantizer).
//
// FAISS 1.7.3 turns every code back into floats. A product with a code is a sum of whole numbers, though, but for factors of the
// query alone: component i of a vector is least[i] + (code[i] + 1/2) / 255 * range[i].
//
// Under a filter, FAISS calls a virtual function for every row, and looks into as many lists as it was told, even where these hold
// nothing that is allowed. Here rows are tested before any is scored, and lists further away follow until k were found.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/IndexScalarQuantizer.h>

#include "code_products.h"
#include "dot_products.h"
#include "graph_codes.h"
#include "row_search.h"

namespace tandem {
namespace detail {

// The lists of codes that search_lists can take, or null.
inline const faiss::IndexIVFScalarQuantizer* coded_lists(const faiss::Index* index) {
  auto lists = dynamic_cast<const faiss::IndexIVFScalarQuantizer*>(index);
  return lists && lists->sq.qtype == faiss::ScalarQuantizer::QT_8bit && lists->metric_type == faiss::METRIC_INNER_PRODUCT &&
          lists->max_codes == 0
      ? lists
      : nullptr;
}

// The lists of whole vectors that search_lists can take, or null.
inline const faiss::IndexIVFFlat* flat_lists(const faiss::Index* index) {
  auto lists = dynamic_cast<const faiss::IndexIVFFlat*>(index);
  return lists && !dynamic_cast<const faiss::IndexIVFFlatDedup*>(index) && lists->metric_type == faiss::METRIC_INNER_PRODUCT &&
          lists->max_codes == 0
      ? lists
      : nullptr;
}

// Codes of a list that are scored, and fetched ahead, at a time: at most so many, and so many bytes.
const size_t LIST_CHUNK = 256;
const size_t LIST_CHUNK_BYTES = 16384;

// A query's products with whole vectors.
class FlatQuery {
 public:
  // Whether scoring all of n, one after the other, takes less than scoring those that are allowed.
  static bool prefers_all(size_t, size_t) {
    return false;
  }
  FlatQuery(const float* x, size_t d) : x_(x), d_(d) {}
  // Whether centroids' products are to be added.
  bool residual() const {
    return false;
  }
  // Scores of n vectors, one after the other.
  void score(const uint8_t* codes, size_t n, float, const uint8_t* ahead, float* out) const {
    auto vectors = reinterpret_cast<const float*>(codes);
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      const float* at = vectors + i * d_;
      const float* row[4] = {at, at + d_, at + 2 * d_, at + 3 * d_};
      for (size_t b = 0; b < 4 * d_; b += 16) __builtin_prefetch(reinterpret_cast<const float*>(ahead) + i * d_ + b);
      dot4(x_, row, d_, out + i);
    }
    for (; i < n; i++) out[i] = dot(x_, vectors + i * d_, d_);
  }
  // Scores of chosen ones.
  void score(const uint8_t* codes, const int32_t* places, size_t n, float, float* out) const {
    auto vectors = reinterpret_cast<const float*>(codes);
    const size_t ahead = 8;
    for (size_t i = 0; i < n; i += ahead) {
      size_t count = std::min(ahead, n - i);
      for (size_t j = i + ahead; j < std::min(i + 2 * ahead, n); j++) FlatScores{x_, vectors, d_}.prefetch(places[j]);
      dot_rows(x_, vectors, d_, places + i, count, out + i);
    }
  }

 private:
  const float* x_;
  size_t d_;
};

// A query's products with codes, by whole numbers.
class ListQuery {
 public:
  // As FlatQuery's.
  static bool prefers_all(size_t allowed, size_t n) {
    return 3 * allowed > n;
  }
  void set(const float* x, const faiss::ScalarQuantizer& quantizer, bool residual) {
    residual_ = residual;
    size_t d = quantizer.d;
    const float* least = quantizer.trained.data();
    const float* range = least + d;
    factors_.resize(d);
    constant_ = 0;
    float largest = 0;
    for (size_t i = 0; i < d; i++) {
      factors_[i] = x[i] * range[i] / 255;
      largest = std::max(largest, std::fabs(factors_[i]));
      constant_ += x[i] * least[i] + factors_[i] / 2;
    }
    // The sum of d products with codes must fit into 31 bits.
    const float most = std::min<float>(WholeQuery::MOST, 0x7fffffff / (255.0f * d) - 1);
    scale_ = largest / most;
    query_.set(factors_.data(), d, scale_ > 0 ? 1 / scale_ : 0, most, d);
  }

  bool residual() const {
    return residual_;
  }
  // Scores of n codes, one after the other, at most a chunk of a list.
  void score(const uint8_t* codes, size_t n, float base, const uint8_t* ahead, float* out) const {
    int32_t total[LIST_CHUNK];
    query_.sums(codes, n, ahead, total);
    base += constant_;
    for (size_t i = 0; i < n; i++) out[i] = base + scale_ * total[i];
  }

  // Scores of chosen ones.
  void score(const uint8_t* codes, const int32_t* places, size_t n, float base, float* out) const {
    int32_t total[LIST_CHUNK];
    query_.sums_at(codes, places, n, total);
    base += constant_;
    for (size_t i = 0; i < n; i++) out[i] = base + scale_ * total[i];
  }

 private:
  std::vector<float> factors_;
  WholeQuery query_;
  float scale_ = 0, constant_ = 0;
  bool residual_ = false;
};

// The centroids that codes stand for, or null.
inline const float* coded_centroids(const faiss::IndexIVF* index, const Codes* codes) {
  auto centroids = dynamic_cast<const faiss::IndexFlat*>(index->quantizer);
  return codes && centroids ? centroids->get_xb() : nullptr;
}

// The lists nearest to a query, and how near: as the quantizer's own search, without its overhead.
//
// codes:  of the centroids, or null; which lists are nearest goes by them
// scores: where there are codes, about how near
inline void nearest_lists(
    const faiss::IndexIVF* index,
    const Codes* codes,
    const float* x,
    size_t probes,
    std::vector<float>& scores,
    std::vector<int64_t>& lists) {
  scores.resize(probes);
  lists.resize(probes);
  if (!coded_centroids(index, codes)) {
    index->quantizer->search(1, x, probes, scores.data(), lists.data());
    return;
  }
  thread_local CodedQuery query;
  query.set(x, index->d, codes->width());
  Best& best = best_of_thread();
  best.reset(probes);
  const size_t chunk = CodedQuery::MOST_ROWS;
  float found[chunk];
  const int64_t all = index->quantizer->ntotal;
  for (int64_t from = 0; from < all; from += chunk) {
    size_t n = std::min<size_t>(chunk, all - from);
    query.score(*codes, from, n, found);
    best.offer(found, from, n);
  }
  best.finish(scores.data(), lists.data());
}

// Offers the rows of a list, at most a chunk of it; gives how many were allowed. What comes next is at ahead.
template <class Query>
inline size_t offer_list(
    const Query& query,
    const uint8_t* codes,
    const int64_t* ids,
    size_t n,
    float base,
    const uint8_t* ahead,
    const EveryRow&,
    Best& best) {
  float found[LIST_CHUNK];
  query.score(codes, n, base, ahead, found);
  best.offer(found, ids, n);
  return n;
}

// The same where only some are allowed: rows are tested before any is scored.
template <class Query, class Allowed>
inline size_t offer_list(
    const Query& query,
    const uint8_t* codes,
    const int64_t* ids,
    size_t n,
    float base,
    const uint8_t* ahead,
    const Allowed& allowed,
    Best& best) {
  int32_t places[LIST_CHUNK];
  int64_t rows[LIST_CHUNK];
  float found[LIST_CHUNK];
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    places[count] = i;
    rows[count] = ids[i];
    count += allowed(ids[i]);
  }
  if (Query::prefers_all(count, n)) {
    query.score(codes, n, base, ahead, found);
    for (size_t j = 0; j < count; j++) found[j] = found[places[j]];
  } else {
    query.score(codes, places, count, base, found);
  }
  best.offer(found, rows, count);
  return count;
}

// Searches; gives the number of codes in the lists looked into. Missing results are labelled -1.
//
// probes: lists to look into; where not every row is allowed, further ones follow until as many allowed rows were seen as these
//         would hold if a filter were independent of the vectors
// share:  of all rows that is allowed
template <class Query, class Allowed>
int64_t search_lists(
    const faiss::IndexIVF* index,
    const Query& query,
    const Codes* codes,
    const float* x,
    int64_t k,
    size_t probes,
    const Allowed& allowed,
    double share,
    float* distances,
    int64_t* labels) {
  const size_t further = 8;
  thread_local std::vector<int64_t> lists;
  thread_local std::vector<float> nearness;
  probes = std::min(index->nlist, probes);
  const bool every = std::is_same<Allowed, EveryRow>::value;
  const size_t most = every ? probes : std::min(index->nlist, further * probes);
  nearest_lists(index, codes, x, most, nearness, lists);
  const float* centroids = coded_centroids(index, codes);
  if (centroids && query.residual()) dot_rows(x, centroids, index->d, lists.data(), probes, nearness.data());
  Best& best = best_of_thread();
  best.reset(k);
  int64_t scored = 0, seen = 0;
  double wanted = 0;
  for (size_t l = 0; l < most; l++) {
    if (l == probes) wanted = std::max<double>(k, share * scored);
    if (l >= probes && seen >= wanted) break;
    if (lists[l] < 0) continue;
    size_t n = index->invlists->list_size(lists[l]);
    if (n == 0) continue;
    faiss::InvertedLists::ScopedCodes listed(index->invlists, lists[l]);
    faiss::InvertedLists::ScopedIds ids(index->invlists, lists[l]);
    faiss::InvertedLists::ScopedCodes next(index->invlists, lists[l + 1 < most && lists[l + 1] >= 0 ? l + 1 : l]);
    float base = 0;
    if (query.residual()) base = centroids && l >= probes ? dot(x, centroids + lists[l] * index->d, index->d) : nearness[l];
    const size_t size = index->code_size, chunk = std::max<size_t>(16, std::min(LIST_CHUNK, LIST_CHUNK_BYTES / size));
    const size_t chunks = (n + chunk - 1) / chunk, even = (n + chunks - 1) / chunks;
    for (size_t from = 0; from < n; from += even) {
      const size_t count = std::min(even, n - from);
      const uint8_t* part = listed.get() + from * size;
      const uint8_t* ahead = from + count < n ? part + count * size : next.get();
      seen += offer_list(query, part, ids.get() + from, count, base, ahead, allowed, best);
    }
    scored += n;
  }
  best.finish(distances, labels);
  return scored;
}

template <class Allowed>
int64_t search_lists(
    const faiss::IndexIVF* index,
    const Codes* codes,
    const float* x,
    int64_t k,
    size_t probes,
    const Allowed& allowed,
    double share,
    float* distances,
    int64_t* labels) {
  if (flat_lists(index)) {
    return search_lists(index, FlatQuery(x, index->d), codes, x, k, probes, allowed, share, distances, labels);
  }
  thread_local ListQuery query;
  query.set(x, coded_lists(index)->sq, coded_lists(index)->by_residual);
  return search_lists(index, query, codes, x, k, probes, allowed, share, distances, labels);
}

} // namespace detail
} // namespace tandem
