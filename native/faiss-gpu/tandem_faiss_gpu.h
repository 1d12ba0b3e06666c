// What Tandem asks of FAISS on GPUs, in a library of its own that is opened where it is there (faiss_gpu.h). Indexes that it
// gives out are used through their virtual functions; both sides are compiled from one FAISS, by one compiler.
//
// FAISS ends the process on most errors of CUDA. What can be known before is checked here.
#pragma once

#include <cstdint>

namespace faiss {
struct Index;
}

extern "C" {
// FAISS's version and the compiler, which must be those of whoever uses the library.
const char* tandem_faiss_gpu_build();

// Bytes that are free on a GPU that this library can use, or -1 with what is in the way.
int64_t tandem_faiss_gpu_free(int device, char* problem, int size);

// An empty index of exact search on a GPU, or null with what is in the way. Whoever asks deletes it.
faiss::Index* tandem_faiss_gpu_flat(int device, int dimension, int metric, char* problem, int size);
}
