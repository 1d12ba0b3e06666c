// What the engine asks of FAISS in one call across JNI, where FAISS's own interface would need several.
// Every function throws std::exception on failure, which the binding turns into a Java RuntimeException.
#pragma once

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

#include <faiss/Index.h>
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexPreTransform.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/DistanceComputer.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>
#include <faiss/utils/utils.h>

namespace tandem {

namespace detail {

inline std::atomic<int>& wanted_threads() {
  static std::atomic<int> threads{0};
  return threads;
}

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

// Dot products with the sign that makes the nearest the least, which is what a graph search wants.
class Negated : public faiss::DistanceComputer {
 public:
  explicit Negated(faiss::DistanceComputer* dot) : dot_(dot) {}
  void set_query(const float* x) override {
    dot_->set_query(x);
  }
  float operator()(int64_t i) override {
    return -(*dot_)(i);
  }
  float symmetric_dis(int64_t i, int64_t j) override {
    return -dot_->symmetric_dis(i, j);
  }

 private:
  std::unique_ptr<faiss::DistanceComputer> dot_;
};

// Searches an HNSW graph for one query, as IndexHNSW::search does it, but with a table of visited rows that the thread
// keeps: FAISS 1.7.3 clears one byte for every row and OpenMP thread in every call, about 10 us for a million rows and
// a thread. In exchange a thread keeps as many bytes as the last graph that it searched has rows.
inline void search_graph(
    const faiss::IndexHNSW* index,
    const float* x,
    int64_t k,
    const faiss::SearchParametersHNSW* parameters,
    float* distances,
    int64_t* labels) {
  thread_local std::unique_ptr<faiss::VisitedTable> visited;
  if (!visited || visited->visited.size() != static_cast<size_t>(index->ntotal)) {
    visited.reset(new faiss::VisitedTable(index->ntotal));
  }
  visited->advance();
  bool dot = index->metric_type == faiss::METRIC_INNER_PRODUCT;
  std::unique_ptr<faiss::DistanceComputer> distance(index->storage->get_distance_computer());
  if (dot) distance.reset(new Negated(distance.release()));
  distance->set_query(x);
  faiss::maxheap_heapify(k, distances, labels);
  index->hnsw.search(*distance, k, labels, distances, *visited, parameters);
  faiss::maxheap_reorder(k, distances, labels);
  if (dot) std::transform(distances, distances + k, distances, std::negate<float>());
}

// The graph that search_graph can take, or null.
inline const faiss::IndexHNSW* plain_graph(const faiss::Index* index) {
  auto graph = dynamic_cast<const faiss::IndexHNSW*>(index);
  return graph && graph->storage && !graph->reconstruct_from_neighbors &&
          !dynamic_cast<const faiss::IndexHNSW2Level*>(graph)
      ? graph
      : nullptr;
}

} // namespace detail

/// Number of OpenMP threads for FAISS calls of any thread; 0 leaves OpenMP's own choice.
/// OpenMP keeps this setting per calling thread, so it is applied on the way into a call.
inline void set_threads(int threads) {
  detail::wanted_threads().store(threads, std::memory_order_relaxed);
}

/// Applies set_threads to the calling thread.
inline void apply_threads() {
  int wanted = detail::wanted_threads().load(std::memory_order_relaxed);
  if (wanted > 0 && omp_get_max_threads() != wanted) omp_set_num_threads(wanted);
}

/// Number of OpenMP threads that a FAISS call from the calling thread would use.
inline int threads() {
  apply_threads();
  return omp_get_max_threads();
}

/// What FAISS was compiled for: "OPTIMIZE AVX2" or "OPTIMIZE GENERIC".
inline std::string compile_options() {
  return faiss::get_compile_options();
}

/// An index made from a factory string, owned by the caller.
inline std::unique_ptr<faiss::Index> create_index(
    int d, const char* description, faiss::MetricType metric) {
  return std::unique_ptr<faiss::Index>(faiss::index_factory(d, description, metric));
}

/// An index read from a file, owned by the caller.
inline std::unique_ptr<faiss::Index> open_index(const char* path, int io_flags) {
  return std::unique_ptr<faiss::Index>(faiss::read_index(path, io_flags));
}

/// The inverted file of an index, behind its transforms if it has any; null if it is of another kind.
inline faiss::IndexIVF* inverted_file(faiss::Index* index) {
  return dynamic_cast<faiss::IndexIVF*>(
      const_cast<faiss::Index*>(detail::without_transforms(index)));
}

/// The HNSW graph of an index, behind its transforms if it has any; null if it is of another kind.
inline faiss::IndexHNSW* graph(faiss::Index* index) {
  return dynamic_cast<faiss::IndexHNSW*>(
      const_cast<faiss::Index*>(detail::without_transforms(index)));
}

/// The flat index of an index, behind its transforms if it has any; null if it is of another kind.
inline faiss::IndexFlat* flat(faiss::Index* index) {
  return dynamic_cast<faiss::IndexFlat*>(
      const_cast<faiss::Index*>(detail::without_transforms(index)));
}

/// Index::search with the search parameters built on the stack.
///
/// @param x         queries, size n * d
/// @param effort    nprobe of an inverted file, efSearch of an HNSW graph (which cannot exceed the graph's own efSearch in
///                  FAISS 1.7.3), without meaning for others; 0 leaves the index's own value
/// @param selector  rows to consider, or null for all; a range or an array must lie within the index
/// @param distances output, size n * k
/// @param labels    output, size n * k, -1 where there is no result
inline void search(
    const faiss::Index* index,
    int64_t n,
    const float* x,
    int64_t k,
    int effort,
    const faiss::IDSelector* selector,
    float* distances,
    int64_t* labels) {
  apply_threads();
  detail::check(index, selector);
  // FAISS 1.7.3 leaves the output as it was when a flat index has nothing to look at.
  std::fill(labels, labels + n * k, int64_t(-1));
  std::fill(distances, distances + n * k,
      index->metric_type == faiss::METRIC_INNER_PRODUCT ? std::numeric_limits<float>::lowest()
                                                        : std::numeric_limits<float>::max());
  detail::Parameters parameters;
  auto chosen = parameters.choose(index, effort, selector);
  auto graph = detail::plain_graph(index);
  if (graph && n == 1 && k > 0) {
    detail::search_graph(
        graph, x, k, static_cast<const faiss::SearchParametersHNSW*>(chosen), distances, labels);
  } else {
    index->search(n, x, k, distances, labels, chosen);
  }
}

/// As search, over the rows whose bits are set.
///
/// @param bitmap row i is considered where bit i % 8 of byte i / 8 is set and i / 8 < bytes; null for all rows
inline void search_bitmap(
    const faiss::Index* index,
    int64_t n,
    const float* x,
    int64_t k,
    int effort,
    const uint8_t* bitmap,
    int64_t bytes,
    float* distances,
    int64_t* labels) {
  faiss::IDSelectorBitmap selector(bytes, bitmap);
  search(index, n, x, k, effort, bitmap ? &selector : nullptr, distances, labels);
}

/// Searches for one query after the other and takes the time of each: what FAISS costs without JNI or Java around it.
///
/// @param x           queries, size n * d
/// @param nanoseconds output, size n
/// @param distances   output of the last query, size k
/// @param labels      output of the last query, size k
inline void time_searches(
    const faiss::Index* index,
    int64_t n,
    const float* x,
    int64_t k,
    int effort,
    int64_t* nanoseconds,
    float* distances,
    int64_t* labels) {
  using clock = std::chrono::steady_clock;
  for (int64_t i = 0; i < n; i++) {
    auto start = clock::now();
    search(index, 1, x + i * index->d, k, effort, nullptr, distances, labels);
    nanoseconds[i] =
        std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now() - start).count();
  }
}

} // namespace tandem
