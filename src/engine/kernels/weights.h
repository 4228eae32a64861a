// What all matrix products share: where a group of sixteen rows lies, and how its results are stored.
#pragma once
#include <algorithm>

#include "formats.h"
#include "pool.h"

namespace {

using engine::Matrix;
using engine::Slot;

constexpr int64_t PREFETCH_BYTES = 8192;   // ahead of the block being used: a tenth to a third faster than none
constexpr int64_t CHUNK_BYTES = 1 << 16;   // of weights a thread takes at once: a microsecond or two of reading
constexpr int64_t CHUNKS_OF_A_THREAD = 4;  // at least, so that one that is delayed leaves some to the others

template <class D>
INLINE int64_t group_bytes(const Matrix& weight) {
    return weight.columns / D::columns * D::bytes * LANES;
}

INLINE int64_t groups_of(const Matrix& weight) { return (weight.rows + LANES - 1) / LANES; }

template <class D>
INLINE void prefetch_block(const uint8_t* block) {
    for (int line = 0; line < D::bytes * LANES; line += 64) __builtin_prefetch(block + PREFETCH_BYTES + line);
}

// Results of group `group` for one token, whose row of results is `y`.
INLINE void store_rows(const Matrix& weight, int64_t group, F value, float* y) {
    const int64_t row = group * LANES, left = weight.rows - row;
    float lanes[LANES];
    if (left >= LANES) {
        store(y + row, weight.bias ? value + load(weight.bias + row) : value);
        return;
    }
    store(lanes, value);
    for (int64_t i = 0; i < left; ++i) y[row + i] = lanes[i] + (weight.bias ? weight.bias[row + i] : 0.0f);
}

// Calls body(each) on several threads, where each(f) calls f(first, last) over this thread's groups: all of them in as many
// chunks for each thread, of the same size to one group.
template <class D, class Function>
INLINE void over_groups(const Matrix& weight, Function&& body) {
    const int64_t groups = groups_of(weight), threads = engine::threads();
    const int64_t wanted = groups * group_bytes<D>(weight) / (CHUNK_BYTES * threads) + 1;
    const int64_t count = std::min(groups, threads * std::max(wanted, CHUNKS_OF_A_THREAD));
    engine::per_thread(count, [&](engine::Chunks& chunks) {
        body([&](auto&& of_chunk) {
            chunks.each([&](int64_t chunk) { of_chunk(groups * chunk / count, groups * (chunk + 1) / count); });
        });
    });
}

}  // namespace
