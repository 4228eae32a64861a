// The thread pool all kernels share, and scratch memory that outlives a call.
#pragma once
#include <cstddef>
#include <cstdint>

namespace engine {

struct Share;

// The chunks of a job that one thread takes: its own and, done with them, some of the others'.
class Chunks {
  public:
    Chunks(Share* shares, size_t threads, size_t self) : shares_(shares), threads_(threads), self_(self) {}

    // Takes one; false: none is left.
    bool next();
    int64_t taken() const { return taken_; }
    Share& share() const;  // it takes from

    // function(chunk) for the one taken and for all that next() finds.
    template <class Function>
    void each(Function&& function) {
        do function(chunk_);
        while (next());
    }

  private:
    Share* const shares_;
    const size_t threads_, self_;
    size_t distance_ = 0;  // to the share it takes from
    int64_t chunk_ = 0, taken_ = 0;
};

// Does chunks [0, count) of a job, fewer than 2³², on the calling thread and on the pool's workers: body(context, chunks)
// on each that has taken one; it has to do each of its chunks. A thread that the operating system delays costs at most one chunk. Threads that wait spin for some
// microseconds and then sleep. Returns when all are done. A second caller at the same time gets no workers and does its
// chunks alone.
using Body = void (*)(void* context, Chunks& chunks);
void run_chunks(int64_t count, Body body, void* context);

// function(chunks) on each thread, which has to do them all.
template <class Function>
inline void per_thread(int64_t count, Function&& function) {
    run_chunks(count, [](void* context, Chunks& chunks) { (*static_cast<Function*>(context))(chunks); }, &function);
}

// function(chunk) for each chunk.
template <class Function>
inline void parallel(int64_t count, Function&& function) {
    per_thread(count, [&](Chunks& chunks) { chunks.each(function); });
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
