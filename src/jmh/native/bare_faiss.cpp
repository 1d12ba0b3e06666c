// FAISS's own search, called from C++ in a loop: what BareFaissBenchmark compares with. FAISS's code is that of the library
// which the process has loaded already: the call is virtual.
#include <chrono>
#include <cstdint>

#include <faiss/Index.h>
#include <jni.h>

extern "C" JNIEXPORT void JNICALL Java_io_tandem_index_faiss_BareFaiss_search(
    JNIEnv*, jclass, jlong index, jint n, jint d, jint k, jlong queries, jlong nanoseconds, jlong scores, jlong labels) {
  using clock = std::chrono::steady_clock;
  auto searched = reinterpret_cast<const faiss::Index*>(index);
  auto x = reinterpret_cast<const float*>(queries);
  auto times = reinterpret_cast<int64_t*>(nanoseconds);
  auto distances = reinterpret_cast<float*>(scores);
  auto rows = reinterpret_cast<faiss::Index::idx_t*>(labels);
  for (int64_t i = 0; i < n; i++) {
    auto start = clock::now();
    searched->search(1, x + i * d, k, distances + i * k, rows + i * k, nullptr);
    times[i] = std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now() - start).count();
  }
}
