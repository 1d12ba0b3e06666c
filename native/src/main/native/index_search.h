// How an index of any type is searched: by our own code where there is some, else by FAISS with its parameters on the stack.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <faiss/Index.h>
#include <faiss/IndexFastScan.h>
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexIVFPQFastScan.h>
#include <faiss/IndexPreTransform.h>
#include <faiss/impl/IDSelector.h>

#include "graph_search.h"
#include "list_search.h"

namespace tandem {
namespace detail {

inline const faiss::Index* without_transforms(const faiss::Index* index) {
  while (auto transformed = dynamic_cast<const faiss::IndexPreTransform*>(index)) {
    index = transformed->index;
  }
  return index;
}

// FAISS 1.7.3 trusts the rows that a flat index is asked for, and reads beyond its end.
inline void check(const faiss::Index* index, const faiss::IDSelector* selector) {
  if (auto range = dynamic_cast<const faiss::IDSelectorRange*>(selector)) {
    if (range->imin < 0 || range->imin > range->imax || range->imin > index->ntotal) {
      throw std::invalid_argument(
          "expected a range of rows within [0, " + std::to_string(index->ntotal) + "), found [" +
          std::to_string(range->imin) + ", " + std::to_string(range->imax) + ")");
    }
  } else if (auto array = dynamic_cast<const faiss::IDSelectorArray*>(selector)) {
    for (size_t i = 0; i < array->n; i++) {
      if (array->ids[i] < 0 || array->ids[i] >= index->ntotal) {
        throw std::invalid_argument(
            "expected rows within [0, " + std::to_string(index->ntotal) + "), found " +
            std::to_string(array->ids[i]));
      }
    }
  }
}

// The search parameters of whichever kind an index takes, on the caller's stack.
struct Parameters {
  faiss::SearchParameters plain;
  faiss::SearchParametersIVF ivf;
  faiss::SearchParametersHNSW hnsw;

  const faiss::SearchParameters* choose(
      const faiss::Index* index, int effort, const faiss::IDSelector* selector) {
    index = without_transforms(index);
    auto sel = const_cast<faiss::IDSelector*>(selector);
    if (auto lists = dynamic_cast<const faiss::IndexIVF*>(index)) {
      if (effort <= 0 && !sel) return nullptr;
      ivf.nprobe = effort > 0 ? effort : lists->nprobe;
      ivf.max_codes = lists->max_codes;
      ivf.sel = sel;
      return &ivf;
    }
    if (auto graph = dynamic_cast<const faiss::IndexHNSW*>(index)) {
      if (effort <= 0 && !sel) return nullptr;
      hnsw.efSearch = effort > 0 ? effort : graph->hnsw.efSearch;
      hnsw.check_relative_distance = graph->hnsw.check_relative_distance;
      hnsw.sel = sel;
      return &hnsw;
    }
    if (!sel) return nullptr;
    plain.sel = sel;
    return &plain;
  }
};

// The graph that search_graphs can take, or null.
inline const faiss::IndexHNSW* plain_graph(const faiss::Index* index) {
  auto graph = dynamic_cast<const faiss::IndexHNSW*>(index);
  return graph && graph->storage && !graph->reconstruct_from_neighbors &&
          !dynamic_cast<const faiss::IndexHNSW2Level*>(graph)
      ? graph
      : nullptr;
}

// How many rows are allowed.
inline int64_t count(const BitRows& rows) {
  int64_t members = 0, byte = 0;
  for (; byte + 8 <= rows.bytes; byte += 8) {
    uint64_t word;
    std::memcpy(&word, rows.bits + byte, sizeof(word));
    members += __builtin_popcountll(word);
  }
  for (; byte < rows.bytes; byte++) members += __builtin_popcount(rows.bits[byte]);
  return members;
}

// Queries are shared out over OpenMP's threads; search(i) gives what it compared for query i.
template <class Search>
int64_t each_query(int64_t n, const Search& search) {
  if (n == 1) return search(0);
  int64_t scored = 0;
#pragma omp parallel for schedule(dynamic, 4) reduction(+ : scored)
  for (int64_t i = 0; i < n; i++) scored += search(i);
  return scored;
}

template <Filter FILTER, class Allowed>
int64_t search_graphs(
    const faiss::IndexHNSW* index,
    const Codes* codes,
    int64_t n,
    const float* x,
    int64_t k,
    int ef,
    const Allowed& allowed,
    float* distances,
    int64_t* labels) {
  return each_query(n, [&](int64_t i) {
    return search_graph<FILTER>(index, codes, x + i * index->d, k, ef, allowed, distances + i * k, labels + i * k);
  });
}

inline int64_t search_graphs(
    const faiss::IndexHNSW* index,
    const Codes* codes,
    int64_t n,
    const float* x,
    int64_t k,
    int ef,
    const faiss::IDSelector* selector,
    float* distances,
    int64_t* labels) {
  if (!selector) return search_graphs<Filter::NONE>(index, codes, n, x, k, ef, EveryRow(), distances, labels);
  if (auto bitmap = dynamic_cast<const faiss::IDSelectorBitmap*>(selector)) {
    BitRows rows{bitmap->bitmap, static_cast<int64_t>(bitmap->n)};
    return 4 * count(rows) < 3 * index->ntotal
        ? search_graphs<Filter::HIDE>(index, codes, n, x, k, ef, rows, distances, labels)
        : search_graphs<Filter::COLLECT>(index, codes, n, x, k, ef, rows, distances, labels);
  }
  return search_graphs<Filter::COLLECT>(index, codes, n, x, k, ef, SelectedRows{selector}, distances, labels);
}

template <class Allowed>
int64_t search_all_lists(
    const faiss::IndexIVF* index,
    const Codes* codes,
    int64_t n,
    const float* x,
    int64_t k,
    size_t probes,
    const Allowed& allowed,
    double share,
    float* distances,
    int64_t* labels) {
  return each_query(n, [&](int64_t i) {
    return search_lists(index, codes, x + i * index->d, k, probes, allowed, share, distances + i * k, labels + i * k);
  });
}

inline int64_t search_all_lists(
    const faiss::IndexIVF* index,
    const Codes* codes,
    int64_t n,
    const float* x,
    int64_t k,
    int effort,
    const faiss::IDSelector* selector,
    float* distances,
    int64_t* labels) {
  size_t probes = effort > 0 ? effort : index->nprobe;
  if (!selector) return search_all_lists(index, codes, n, x, k, probes, EveryRow(), 1, distances, labels);
  if (auto bitmap = dynamic_cast<const faiss::IDSelectorBitmap*>(selector)) {
    BitRows rows{bitmap->bitmap, static_cast<int64_t>(bitmap->n)};
    double share = static_cast<double>(count(rows)) / std::max<int64_t>(1, index->ntotal);
    return search_all_lists(index, codes, n, x, k, probes, rows, share, distances, labels);
  }
  return search_all_lists(index, codes, n, x, k, probes, SelectedRows{selector}, 0, distances, labels);
}

// As IndexIVF::search for one query, without what that allocates for threads, and without the statistics that all
// threads share.
inline int64_t search_by_faiss(
    const faiss::IndexIVF* index,
    const Codes* codes,
    const float* x,
    int64_t k,
    const faiss::SearchParametersIVF* parameters,
    float* distances,
    int64_t* labels) {
  thread_local std::vector<int64_t> lists;
  thread_local std::vector<float> scores;
  size_t probes = std::min(index->nlist, parameters ? parameters->nprobe : index->nprobe);
  nearest_lists(index, codes, x, probes, scores, lists);
  if (auto centroids = coded_centroids(index, codes)) {
    dot_rows(x, centroids, index->d, lists.data(), probes, scores.data());
  }
  faiss::IndexIVFStats stats;
  index->search_preassigned(
      1, x, k, lists.data(), scores.data(), distances, labels, false, parameters, &stats);
  return stats.ndis;
}

// Finds lists as the quantizer of a fast-scan index does, and counts what is in them, which the index does not tell.
class CountingQuantizer : public faiss::Index {
 public:
  CountingQuantizer(const faiss::Index* quantizer, const faiss::InvertedLists* lists)
      : Index(quantizer->d, quantizer->metric_type), quantizer_(quantizer), lists_(lists) {
    ntotal = quantizer->ntotal;
  }
  // Codes in the lists that the calling thread has found.
  static int64_t& probed() {
    thread_local int64_t codes = 0;
    return codes;
  }
  void search(
      int64_t n,
      const float* x,
      int64_t k,
      float* distances,
      int64_t* labels,
      const faiss::SearchParameters* parameters) const override {
    quantizer_->search(n, x, k, distances, labels, parameters);
    for (int64_t i = 0; i < n * k; i++) {
      if (labels[i] >= 0) probed() += lists_->list_size(labels[i]);
    }
  }
  void reconstruct(int64_t key, float* centroid) const override {
    quantizer_->reconstruct(key, centroid);
  }
  void add(int64_t, const float*) override {
    throw std::logic_error("expected no more centroids");
  }
  void reset() override {
    throw std::logic_error("expected centroids to stay");
  }

 private:
  const faiss::Index* quantizer_;
  const faiss::InvertedLists* lists_;
};

// A fast-scan index over the lists of another, which must outlive it.
struct SharedFastScan : faiss::IndexIVFPQFastScan {
  CountingQuantizer counting;

  SharedFastScan(const faiss::IndexIVFPQFastScan& other, int probes)
      : IndexIVFPQFastScan(other), counting(other.quantizer, other.invlists) {
    quantizer = &counting;
    own_fields = false;
    own_invlists = false;
    nprobe = probes;
  }
  SharedFastScan(const SharedFastScan&) = delete;
};

// Whether a search compares the query with every row that may be returned.
inline bool scans_all(const faiss::Index* index) {
  return dynamic_cast<const faiss::IndexFlatCodes*>(index) || dynamic_cast<const faiss::IndexFastScan*>(index);
}

// How many rows a selector lets through, as far as that is known.
inline int64_t members(const faiss::IDSelector* selector, int64_t rows) {
  auto bitmap = dynamic_cast<const faiss::IDSelectorBitmap*>(selector);
  return bitmap ? count(BitRows{bitmap->bitmap, static_cast<int64_t>(bitmap->n)}) : rows;
}

// The vectors as the index behind the transforms takes them.
class Transformed {
 public:
  Transformed(const faiss::Index* index, int64_t n, const float* x) : x_(x), index_(index) {
    while (auto transform = dynamic_cast<const faiss::IndexPreTransform*>(index_)) {
      const float* next = transform->apply_chain(n, x_);
      if (next != x_) owned_.reset(next);
      x_ = next;
      index_ = transform->index;
    }
  }
  const faiss::Index* index() const {
    return index_;
  }
  const float* x() const {
    return x_;
  }

 private:
  const float* x_;
  const faiss::Index* index_;
  std::unique_ptr<const float[]> owned_;
};

} // namespace detail
} // namespace tandem
