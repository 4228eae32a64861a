// The thread pool all kernels share, and scratch memory that outlives a call.
#pragma once
#include <cstddef>
#include <cstdint>

namespace engine {

// Runs body(context, chunk) for every chunk in [0, chunks), on the calling thread and on the pool's workers. Each thread
// has a share of the chunks and, done with it, takes from the others', so one that the operating system delays costs at
// most one chunk. Threads that wait spin for some microseconds and then sleep. Returns when all are done. A second
// caller at the same time gets no workers and does its chunks alone.
using Body = void (*)(void* context, int64_t chunk);
void run_chunks(int64_t chunks, Body body, void* context);

template <class Function>
inline void parallel(int64_t chunks, Function&& function) {
    run_chunks(chunks, [](void* context, int64_t chunk) { (*static_cast<Function*>(context))(chunk); }, &function);
}

// What a thread that waits does in between.
inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

void set_threads(int threads);
int threads();

// At least `bytes` of 64-byte aligned memory of this thread, one buffer a slot; contents are not kept when it grows.
enum class Slot { Panel, Activations, Bfloats, OneByte, TwoBytes, Sums, Scores, Partials, Decoder, Experts, LowRank, LowRankPairs, Count };
void* scratch(Slot slot, size_t bytes);

template <class T>
inline T* scratch_of(Slot slot, size_t count) {
    return static_cast<T*>(scratch(slot, count * sizeof(T)));
}

}  // namespace engine
