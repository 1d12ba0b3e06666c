// What the engine asks of FAISS in one call across JNI, where FAISS's own interface would need several.
// Every function throws std::exception on failure, which the binding turns into a Java RuntimeException.
#pragma once

#include <fcntl.h>
#include <omp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
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
#include <faiss/clone_index.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/impl/io.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>
#include <faiss/utils/utils.h>

#include "graph_copies.h"
#include "graph_search.h"
#include "index_search.h"
#include "row_search.h"
#include "wide.h"

extern "C" char* openblas_get_corename(void);

namespace tandem {

namespace detail {

inline std::atomic<int>& wanted_threads() {
  static std::atomic<int> threads{0};
  return threads;
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

/// Whether codes are compared in vectors of 512 bits, if the processor has them; by default they are. Results are the same.
///
/// @return whether they are from now on
inline bool set_wide(bool wanted) {
  bool used = wanted && detail::has_wide();
  detail::wide().store(used, std::memory_order_relaxed);
  return used;
}

/// Whether they are.
inline bool uses_wide() {
  return detail::is_wide();
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

/// The processor whose kernels OpenBLAS computes with, such as "Haswell".
inline std::string blas_kernels() {
  return openblas_get_corename();
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

/// Codes in 8 bits a component of what a search looks at most: the vectors of a graph, or the centroids of inverted lists.
class SearchCodes {
 public:
  /// size n * d
  SearchCodes(const float* vectors, int64_t n, int d) : codes_(vectors, n, d) {}
  /// Tells them which rows of a graph are copies.
  void link_copies(const faiss::IndexHNSW* graph) {
    auto flat = static_cast<const faiss::IndexFlat*>(graph->storage);
    codes_.ring(detail::rings_of_copies(graph->hnsw, flat->get_xb(), codes_, flat->ntotal, flat->d));
  }
  /// Memory that they take.
  int64_t bytes() const {
    return codes_.bytes();
  }
  const detail::Codes* get() const {
    return &codes_;
  }

 private:
  detail::Codes codes_;
};

/// Makes codes for searching an index by inner products, behind its transforms if it has any, and puts a graph on huge pages; null
/// for types that are searched without. They belong to the caller and are of use as long as no vector is added.
inline std::unique_ptr<SearchCodes> search_codes(const faiss::Index* index) {
  index = detail::without_transforms(index);
  auto graph = detail::plain_graph(index);
  auto lists = dynamic_cast<const faiss::IndexIVFFastScan*>(index) ? nullptr : dynamic_cast<const faiss::IndexIVF*>(index);
  auto flat = dynamic_cast<const faiss::IndexFlat*>(graph ? graph->storage : lists ? lists->quantizer : nullptr);
  std::unique_ptr<SearchCodes> codes;
  if (!flat || flat->metric_type != faiss::METRIC_INNER_PRODUCT || flat->d > static_cast<int>(detail::Codes::WIDEST)) return codes;
  apply_threads();
  codes.reset(new SearchCodes(flat->get_xb(), flat->ntotal, flat->d));
  if (graph) {
    codes->link_copies(graph);
    detail::use_huge_pages(flat->get_xb(), flat->codes.size());
    detail::use_huge_pages(graph->hnsw.neighbors.data(), graph->hnsw.neighbors.size() * sizeof(graph->hnsw.neighbors[0]));
  }
  return codes;
}

/// Index::search with the search parameters built on the stack; graphs are walked as in graph_search.h, lists of whole vectors
/// and of 8 bits a component searched as in list_search.h.
///
/// @param codes     made for the index, or null
/// @param x         queries, size n * d
/// @param effort    nprobe of an inverted file, efSearch of an HNSW graph, without meaning for others; 0 leaves the index's
///                  own value
/// @param selector  rows to consider, or null for all; a range or an array must lie within the index
/// @param distances output, size n * k
/// @param labels    output, size n * k, -1 where there is no result
/// @return          vectors or codes that were compared with a query; of lists, all that are in those probed; 0 where the type does
///                  not count them
inline int64_t search_coded(
    const faiss::Index* index,
    const SearchCodes* codes,
    int64_t n,
    const float* x,
    int64_t k,
    int effort,
    const faiss::IDSelector* selector,
    float* distances,
    int64_t* labels) {
  apply_threads();
  detail::check(index, selector);
  detail::Transformed inner(index, n, x);
  const detail::Codes* made = codes ? codes->get() : nullptr;
  auto graph = detail::plain_graph(inner.index());
  if (graph && k > 0) {
    return detail::search_graphs(graph, made, n, inner.x(), k, effort, selector, distances, labels);
  }
  auto lists = dynamic_cast<const faiss::IndexIVF*>(inner.index());
  if (k > 0 && (detail::flat_lists(lists) || detail::coded_lists(lists))) {
    return detail::search_all_lists(lists, made, n, inner.x(), k, effort, selector, distances, labels);
  }
  // FAISS 1.7.3 leaves the output as it was when a flat index has nothing to look at.
  std::fill(labels, labels + n * k, int64_t(-1));
  std::fill(distances, distances + n * k,
      index->metric_type == faiss::METRIC_INNER_PRODUCT ? std::numeric_limits<float>::lowest()
                                                        : std::numeric_limits<float>::max());
  detail::Parameters parameters;
  auto chosen = parameters.choose(inner.index(), effort, selector);
  if (lists && n == 1 && k > 0 && !dynamic_cast<const faiss::IndexIVFFastScan*>(lists)) {
    return detail::search_by_faiss(
        lists, made, inner.x(), k, static_cast<const faiss::SearchParametersIVF*>(chosen), distances, labels);
  }
  int64_t& probed = detail::CountingQuantizer::probed();
  probed = 0;
  inner.index()->search(n, inner.x(), k, distances, labels, chosen);
  if (dynamic_cast<const detail::SharedFastScan*>(inner.index())) return probed;
  return detail::scans_all(inner.index()) ? n * detail::members(selector, inner.index()->ntotal) : 0;
}

/// As search_coded, without codes.
inline int64_t search(
    const faiss::Index* index,
    int64_t n,
    const float* x,
    int64_t k,
    int effort,
    const faiss::IDSelector* selector,
    float* distances,
    int64_t* labels) {
  return search_coded(index, nullptr, n, x, k, effort, selector, distances, labels);
}

/// As search, over the rows whose bits are set.
///
/// @param bitmap row i is considered where bit i % 8 of byte i / 8 is set and i / 8 < bytes; null for all rows
inline int64_t search_bitmap(
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
  return search(index, n, x, k, effort, bitmap ? &selector : nullptr, distances, labels);
}

/// As search_coded, over the rows whose bits are set.
inline int64_t search_coded_bitmap(
    const faiss::Index* index,
    const SearchCodes* codes,
    int64_t n,
    const float* x,
    int64_t k,
    int effort,
    const uint8_t* bitmap,
    int64_t bytes,
    float* distances,
    int64_t* labels) {
  faiss::IDSelectorBitmap selector(bytes, bitmap);
  return search_coded(index, codes, n, x, k, effort, bitmap ? &selector : nullptr, distances, labels);
}

/// Whether search goes over 8 bits a component by whole numbers.
inline bool scans_codes(const faiss::Index* index) {
  return detail::coded_lists(detail::without_transforms(index)) != nullptr;
}

/// Whether search_rows can score the rows of an index from what the index itself keeps.
inline bool scores_rows(const faiss::Index* index) {
  std::vector<float> zero(index->d);
  detail::Transformed inner(index, 1, zero.data());
  return detail::row_scores(inner.index(), inner.x()) != nullptr;
}

/// Whether Index::reconstruct gives vectors as they were added, not as decoded from codes or turned back.
inline bool keeps_vectors(const faiss::Index* index) {
  if (auto graph = detail::plain_graph(index)) index = graph->storage;
  return dynamic_cast<const faiss::IndexFlat*>(index) || dynamic_cast<const faiss::IndexIVFFlat*>(index);
}

/// Bytes of what an index holds: those of its file, among them the table of places that lists have.
inline int64_t held_bytes(const faiss::Index* index) {
  struct Counter : faiss::IOWriter {
    int64_t bytes = 0;
    size_t operator()(const void*, size_t size, size_t n) override {
      bytes += static_cast<int64_t>(size * n);
      return n;
    }
  } counter;
  faiss::write_index(index, &counter);
  return counter.bytes;
}

/// Exact search for one query among chosen rows, of equal scores the lower row first.
///
/// @param index     by whose codes rows are scored where vectors is null
/// @param vectors   the rows themselves, size ntotal * d, or null
/// @param bitmap    as in search_bitmap; null for all rows
/// @param distances output, size k
/// @param labels    output, size k, -1 where there is no result
inline void search_rows(
    const faiss::Index* index,
    const float* vectors,
    const float* x,
    int64_t k,
    const uint8_t* bitmap,
    int64_t bytes,
    float* distances,
    int64_t* labels) {
  detail::Transformed inner(index, vectors ? 0 : 1, x);
  std::unique_ptr<detail::RowScores> scores(
      vectors ? new detail::FlatRowScores(x, vectors, index->d) : detail::row_scores(inner.index(), inner.x()).release());
  if (!scores) throw std::invalid_argument("expected an index that can score single rows");
  detail::Best& best = detail::best_of_thread();
  best.reset(k);
  detail::offer_rows(*scores, index->ntotal, bitmap, bytes, best);
  best.finish(distances, labels);
}

/// Scores the rows that another search proposes, and keeps the best k of each query at the places of its first k.
///
/// @param vectors    the rows themselves, row-major
/// @param x          queries, size n * d
/// @param fetched    rows proposed for each query, at least k
/// @param bitmap     as in search_bitmap; null for all rows
/// @param distances  output, size n * fetched
/// @param labels     input and output, size n * fetched; -1 for no row
inline void rescore(
    const float* vectors,
    int d,
    int64_t n,
    const float* x,
    int64_t fetched,
    const uint8_t* bitmap,
    int64_t bytes,
    int64_t k,
    float* distances,
    int64_t* labels) {
  if (k > fetched) throw std::invalid_argument("expected no more results than rows proposed");
  apply_threads();
  detail::BitRows allowed{bitmap, bytes};
#pragma omp parallel for if (n > 1)
  for (int64_t i = 0; i < n; i++) {
    thread_local std::vector<int64_t> rows;
    thread_local std::vector<float> scored;
    int64_t* proposed = labels + i * fetched;
    rows.clear();
    for (int64_t j = 0; j < fetched; j++) {
      if (proposed[j] >= 0 && (!bitmap || allowed(proposed[j]))) rows.push_back(proposed[j]);
    }
    scored.resize(rows.size());
    detail::FlatRowScores(x + i * d, vectors, d).score(rows.data(), rows.size(), scored.data());
    detail::Best& best = detail::best_of_thread();
    best.reset(k);
    best.offer(scored.data(), rows.data(), rows.size());
    best.finish(distances + i * fetched, proposed);
  }
}

/// How many codes lie in the lists that searches would probe: what they cost beside finding the lists.
inline int64_t probed_codes(const faiss::Index* index, int64_t n, const float* x, int probes) {
  apply_threads();
  detail::Transformed inner(index, n, x);
  auto lists = dynamic_cast<const faiss::IndexIVF*>(inner.index());
  if (!lists) throw std::invalid_argument("expected an index with inverted lists");
  size_t most = std::min<size_t>(lists->nlist, probes);
  std::vector<float> scores(n * most);
  std::vector<int64_t> chosen(n * most);
  lists->quantizer->search(n, inner.x(), most, scores.data(), chosen.data());
  int64_t codes = 0;
  for (int64_t list : chosen) {
    if (list >= 0) codes += lists->invlists->list_size(list);
  }
  return codes;
}

/// A fast-scan index over the lists of another, with its own number of probes, which this type takes from nowhere else, and which
/// counts the codes that it compares when it searches for one query; null for other types. It belongs to the caller and must be freed before the other.
inline std::unique_ptr<faiss::Index> with_probes(const faiss::Index* index, int probes) {
  std::unique_ptr<faiss::Index> copy;
  if (auto transform = dynamic_cast<const faiss::IndexPreTransform*>(index)) {
    std::unique_ptr<faiss::Index> inner = with_probes(transform->index, probes);
    if (!inner) return inner;
    std::unique_ptr<faiss::IndexPreTransform> outer(new faiss::IndexPreTransform());
    outer->d = index->d;
    outer->ntotal = index->ntotal;
    outer->metric_type = index->metric_type;
    outer->is_trained = true;
    outer->own_fields = true;
    faiss::Cloner cloner;
    for (auto step : transform->chain) outer->chain.push_back(cloner.clone_VectorTransform(step));
    outer->index = inner.release();
    copy = std::move(outer);
  } else if (auto lists = dynamic_cast<const faiss::IndexIVFPQFastScan*>(index)) {
    copy.reset(new detail::SharedFastScan(*lists, probes));
  }
  return copy;
}

/// For every vector the first that equals it, mostly itself.
///
/// @param x         size n * d, finite
/// @param originals output, size n
/// @return          how many vectors are different from each other
inline int64_t find_originals(const float* x, int64_t n, int d, int* originals) {
  apply_threads();
  return detail::find_originals(x, n, d, originals);
}

/// Makes an HNSW graph of distinct vectors, behind its transforms if it has any, one of all: see graph_copies.h. Room for them, if
/// made by reserve, is used.
///
/// @param index     of the distinct vectors, in the order of their first rows; with at least 4 links a vector
/// @param originals as from find_originals, size n
inline void add_copies(faiss::Index* index, int64_t n, const int* originals) {
  auto inner = graph(index);
  if (!inner) throw std::invalid_argument("expected a graph");
  detail::add_copies(inner, n, originals);
  for (auto outer = dynamic_cast<faiss::IndexPreTransform*>(index); outer;
       outer = dynamic_cast<faiss::IndexPreTransform*>(outer->index)) {
    outer->ntotal = n;
  }
}

/// Lets the calling thread, and threads that it starts, run only where no other wants to, until it ends.
inline void yield_to_others() {
  setpriority(PRIO_PROCESS, 0, 10); // of the calling thread, on Linux
}

/// Makes room for n vectors, so that adding them does not copy those already there.
inline void reserve(faiss::Index* index, int64_t n) {
  auto inner = const_cast<faiss::Index*>(detail::without_transforms(index));
  if (auto graph = dynamic_cast<faiss::IndexHNSW*>(inner)) {
    graph->hnsw.levels.reserve(n);
    graph->hnsw.offsets.reserve(n + 1);
    // Level 0, and on average a little over one link of the levels above it.
    graph->hnsw.neighbors.reserve(n * (graph->hnsw.nb_neighbors(0) + 2) + 1024);
    inner = graph->storage;
  }
  if (auto codes = dynamic_cast<faiss::IndexFlatCodes*>(inner)) {
    codes->codes.reserve(n * codes->code_size);
  }
}

/// Maps a file of floats into memory, read-only; unmap_floats ends that.
inline const float* map_floats(const char* path, int64_t count) {
  size_t bytes = count * sizeof(float);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) {
    std::string reason = std::strerror(errno);
    if (file >= 0) close(file);
    throw std::runtime_error(std::string("cannot open ") + path + ": " + reason);
  }
  if (static_cast<size_t>(status.st_size) != bytes) {
    close(file);
    throw std::runtime_error(
        std::string(path) + ": expected " + std::to_string(bytes) + " bytes, found " + std::to_string(status.st_size));
  }
  void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
  std::string reason = std::strerror(errno);
  close(file);
  if (mapped == MAP_FAILED) throw std::runtime_error(std::string("cannot map ") + path + ": " + reason);
  return static_cast<const float*>(mapped);
}

/// Ends what map_floats began; nothing may read the memory any more.
inline void unmap_floats(const float* mapped, int64_t count) {
  munmap(const_cast<float*>(mapped), count * sizeof(float));
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
