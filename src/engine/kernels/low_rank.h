// What adapters add to a product: y += B · (scale · (A · x)), tokens that belong to one adapter side by side. A and B are
// plain numbers, multiplied as floats. A · x is taken before the product, B's part follows each run of rows while that
// is in the first-level cache: no thread has to wait once more.
#pragma once
#include <vector>

#include "weights.h"

namespace {

using engine::Addition;
using engine::Input;

// Sixteen rows times M tokens. The order of the sums depends on nothing but the column.
template <int M>
struct LowRankSums {
    static constexpr int PARTS = 4;  // independent sums hide the latency of fma
    const float* x[M];
    F part[M][PARTS];

    INLINE void plain(int column, F value) {
        UNROLL(4)
        for (int m = 0; m < M; ++m)
            part[m][column % PARTS] = fma(value, set1(x[m][column]), part[m][column % PARTS]);
    }
};

// finish(m, sums) for each of M tokens, whose columns are at `x`, `stride` apart.
template <class D, int M, class Finish>
INLINE void multiply_group(const Matrix& matrix, int64_t group, const float* x, int64_t stride, Finish&& finish) {
    const D decoder;
    const uint8_t* block = matrix.data + group * group_bytes<D>(matrix);
    LowRankSums<M> sums;
    for (int m = 0; m < M; ++m) {
        sums.x[m] = x + m * stride;
        for (F& part : sums.part[m]) part = zero();
    }
    for (int64_t column = 0; column < matrix.columns; column += D::columns, block += D::bytes * LANES) {
        prefetch_block<D>(block);
        decoder(block, sums);
        for (int m = 0; m < M; ++m) sums.x[m] += D::columns;
    }
    for (int m = 0; m < M; ++m)
        finish(m, (sums.part[m][0] + sums.part[m][1]) + (sums.part[m][2] + sums.part[m][3]));
}

// finish(token, sums) for each of `tokens` tokens.
template <class Finish>
INLINE void multiply_plain(const Matrix& matrix, int64_t group, const float* x, int64_t stride, int64_t tokens,
                           Finish&& finish) {
    const auto with = [&](auto decoder) {
        using D = decltype(decoder);
        int64_t token = 0;
        for (; token + 4 <= tokens; token += 4)
            multiply_group<D, 4>(matrix, group, x + token * stride, stride,
                                 [&](int m, F sums) { finish(token + m, sums); });
        for (; token < tokens; ++token)
            multiply_group<D, 1>(matrix, group, x + token * stride, stride, [&](int, F sums) { finish(token, sums); });
    };
    if (matrix.format == engine::F32) with(Decoder<engine::F32>{});
    else if (matrix.format == engine::F16) with(Decoder<engine::F16>{});
    else with(Decoder<engine::BF16>{});
}

// scale · (A · x) of all additions → their `inner`.
void low_rank_inner(const Input& input) {
    constexpr int64_t TILE = 32;       // tokens that share the rows of A in the cache
    constexpr int64_t ALONE = 1 << 16;  // multiplications that one thread does before another is ready
    struct Work { const Addition* addition; int64_t group, first; };
    const auto each = [&](auto&& body) {
        for (const Addition* addition = input.additions; addition < input.additions + input.num_additions; ++addition)
            for (int64_t group = 0; group < groups_of(*addition->low_rank->down); ++group)
                for (int64_t first = addition->start; first < addition->stop; first += TILE)
                    body(Work{addition, group, first});
    };
    const auto run = [&](const Work& work) {
        const Addition& addition = *work.addition;
        const Matrix& down = *addition.low_rank->down;
        const int64_t left = addition.stop - work.first;
        const F scales = load(addition.low_rank->scales + work.group * LANES);
        float* inner = addition.inner + (work.first - addition.start) * down.rows + work.group * LANES;
        multiply_plain(down, work.group, input.x + work.first * input.stride, input.stride, left < TILE ? left : TILE,
                       [&](int64_t token, F sums) { store(inner + token * down.rows, sums * scales); });
    };
    int64_t multiplications = 0;
    for (int64_t i = 0; i < input.num_additions; ++i) {
        const Addition& addition = input.additions[i];
        const Matrix& down = *addition.low_rank->down;
        multiplications += (addition.stop - addition.start) * down.rows * down.columns;
    }
    if (multiplications <= ALONE) return each(run);
    std::vector<Work> works;
    each([&](const Work& work) { works.push_back(work); });
    engine::parallel(int64_t(works.size()), [&](int64_t index) { run(works[size_t(index)]); });
}

INLINE int64_t plain_group_bytes(const Matrix& matrix) {
    return matrix.columns * LANES * (matrix.format == engine::F32 ? 4 : 2);
}

// Sends for what groups [first, last) will add, and for their share of what the next product begins with: both come while
// the weights are multiplied.
inline void fetch_low_rank(const Matrix& weight, const Input& input, int64_t first, int64_t last) {
    const auto fetch = [](const Matrix& matrix, int64_t from, int64_t to) {
        for (int64_t line = from & ~int64_t(63); line < to; line += 64) __builtin_prefetch(matrix.data + line, 0, 2);
    };
    for (const Addition* addition = input.additions; addition < input.additions + input.num_additions; ++addition) {
        const engine::LowRank& low_rank = *addition->low_rank;
        for (const engine::LowRankPart* part = low_rank.parts; part < low_rank.parts + low_rank.num_parts; ++part) {
            const int64_t start = part->start / LANES, end = start + groups_of(*part->up);
            const int64_t from = first > start ? first : start, to = last < end ? last : end;
            const int64_t bytes = plain_group_bytes(*part->up);
            if (from < to) fetch(*part->up, (from - start) * bytes, (to - start) * bytes);
        }
        if (addition->next == nullptr) continue;
        const Matrix& down = *addition->next->down;
        const int64_t bytes = groups_of(down) * plain_group_bytes(down), groups = groups_of(weight);
        fetch(down, bytes * first / groups, bytes * last / groups);
    }
}

// Adds B · inner to groups [first, last) of the rows of y, for `tokens` tokens from `token` on, whose first row is `y`.
inline void add_low_rank(const Matrix& weight, const Input& input, int64_t first, int64_t last, int64_t token,
                         int64_t tokens, float* y) {
    for (const Addition* addition = input.additions; addition < input.additions + input.num_additions; ++addition) {
        const int64_t from = addition->start > token ? addition->start : token;
        const int64_t to = addition->stop < token + tokens ? addition->stop : token + tokens;
        if (from >= to) continue;
        const engine::LowRank& low_rank = *addition->low_rank;
        const int64_t stride = low_rank.down->rows;
        for (const engine::LowRankPart* part = low_rank.parts; part < low_rank.parts + low_rank.num_parts; ++part) {
            const int64_t start = part->start / LANES, end = start + groups_of(*part->up);
            const float* inner = addition->inner + (from - addition->start) * stride + part->first;
            for (int64_t group = first > start ? first : start; group < last && group < end; ++group) {
                float* out = y + (from - token) * weight.rows + group * LANES;
                const int64_t left = weight.rows - group * LANES;
                multiply_plain(*part->up, group - start, inner, stride, to - from, [&](int64_t index, F sums) {
                    float* row = out + index * weight.rows;
                    if (left >= LANES) return store(row, load(row) + sums);
                    float lanes[LANES];
                    store(lanes, sums);
                    for (int64_t i = 0; i < left; ++i) row[i] += lanes[i];
                });
            }
        }
    }
}

}  // namespace
