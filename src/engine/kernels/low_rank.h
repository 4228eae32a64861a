// What adapters add to a product: y += B · (scale · (A · x)), tokens that belong to one adapter side by side. A and B are
// plain numbers, multiplied as floats. The threads share A · x before they begin with the rows of the product; B's part
// follows each run of rows while that is in the first-level cache.
#pragma once
#include <atomic>
#include <thread>

#include "weights.h"

namespace {

using engine::Addition;
using engine::Input;

// Sixteen rows times M tokens. The order of the sums depends on nothing but the column.
template <int M>
struct LowRankSums {
    static constexpr int PARTS = 4;  // independent sums hide the latency of fma
    const float* x;
    int64_t stride;
    F part[M][PARTS];

    INLINE void plain(int column, F value) {
        UNROLL(4)
        for (int m = 0; m < M; ++m)
            part[m][column % PARTS] = fma(value, set1(x[m * stride + column]), part[m][column % PARTS]);
    }
};

// finish(m, sums) for each of M tokens, whose columns are at `x`, `stride` apart.
template <class D, int M, class Finish>
INLINE void multiply_group(const Matrix& matrix, int64_t group, const float* x, int64_t stride, Finish&& finish) {
    const D decoder;
    const uint8_t* block = matrix.data + group * group_bytes<D>(matrix);
    LowRankSums<M> sums;
    sums.x = x, sums.stride = stride;
    UNROLL(4)
    for (int m = 0; m < M; ++m)
        UNROLL(4)
        for (F& part : sums.part[m]) part = zero();
    for (int64_t column = 0; column < matrix.columns; column += D::columns, block += D::bytes * LANES) {
        decoder(block, sums);
        sums.x += D::columns;
    }
    UNROLL(4)
    for (int m = 0; m < M; ++m)
        finish(m, (sums.part[m][0] + sums.part[m][1]) + (sums.part[m][2] + sums.part[m][3]));
}

constexpr int64_t LOW_RANK_TOKENS = 4;  // whose sums stay in registers

// finish(group, token, sums) for groups [first, last) and each of `tokens` tokens.
template <class Finish>
INLINE void multiply_plain(const Matrix& matrix, int64_t first, int64_t last, const float* x, int64_t stride,
                           int64_t tokens, Finish&& finish) {
    const auto with = [&](auto decoder) {
        using D = decltype(decoder);
        for (int64_t group = first; group < last; ++group) {
            int64_t token = 0;
            for (; token + LOW_RANK_TOKENS <= tokens; token += LOW_RANK_TOKENS)
                multiply_group<D, LOW_RANK_TOKENS>(matrix, group, x + token * stride, stride,
                                                   [&](int m, F sums) { finish(group, token + m, sums); });
            for (; token < tokens; ++token)
                multiply_group<D, 1>(matrix, group, x + token * stride, stride,
                                     [&](int, F sums) { finish(group, token, sums); });
        }
    };
    if (matrix.format == engine::F32) with(Decoder<engine::F32>{});
    else if (matrix.format == engine::F16) with(Decoder<engine::F16>{});
    else with(Decoder<engine::BF16>{});
}

INLINE int64_t plain_group_bytes(const Matrix& matrix) {
    return matrix.columns * LANES * (matrix.format == engine::F32 ? 4 : 2);
}

// The additions to one product, on which all its threads work.
class LowRankUpdate {
  public:
    LowRankUpdate(const Matrix& weight, const Input& input) : input_(input), rows_(weight.rows), groups_(groups_of(weight)) {
        int64_t pieces = 0, bytes = 0;
        for_each([&](const Addition& addition) {
            pieces += pieces_of(addition);
            bytes += ahead_bytes(addition);
        });
        left_.store(pack(0, pieces), std::memory_order_relaxed);
        pieces_ = pieces;
        lines_ = bytes / 64;
    }

    // Computes pieces of scale · (A · x) until all are taken. Of two threads one begins at the front and one at the back:
    // each finds in its cache what it has sent for.
    INLINE void prepare(bool from_back) {
        if (input_.num_additions > 0) compute_pieces(from_back);
    }

    // Adds B · inner to groups [first, last) of the rows of y, for `tokens` tokens from `token` on, whose first row is `y`.
    INLINE void add(int64_t first, int64_t last, int64_t token, int64_t tokens, float* y) const {
        if (input_.num_additions > 0) add_rows(first, last, token, tokens, y);
    }

  private:
    friend class Ahead;
    static constexpr int64_t TILE = LOW_RANK_TOKENS;  // tokens of a piece

    template <class Body>
    INLINE void for_each(Body&& body) const {
        for (int64_t i = 0; i < input_.num_additions; ++i) body(input_.additions[i]);
    }

    static uint64_t pack(uint64_t first, uint64_t last) { return first << 32 | last; }

    static int64_t tiles_of(const Addition& addition) { return (addition.stop - addition.start + TILE - 1) / TILE; }
    static int64_t pieces_of(const Addition& addition) {
        return groups_of(*addition.low_rank->down) * tiles_of(addition);
    }
    // B of this product and A of the next.
    static int64_t ahead_bytes(const Addition& addition) {
        const engine::LowRank& low_rank = *addition.low_rank;
        int64_t bytes = 0;
        for (int64_t i = 0; i < low_rank.num_parts; ++i) bytes += plain_bytes(*low_rank.parts[i].up);
        return addition.next ? bytes + plain_bytes(*addition.next->down) : bytes;
    }
    static int64_t plain_bytes(const Matrix& matrix) { return groups_of(matrix) * plain_group_bytes(matrix); }

    // The index of a piece, or -1 when all are taken.
    int64_t take(bool from_back) {
        uint64_t left = left_.load(std::memory_order_relaxed);
        for (;;) {
            const uint64_t first = left >> 32, last = left & 0xffffffff;
            if (first >= last) return -1;
            const uint64_t rest = from_back ? pack(first, last - 1) : pack(first + 1, last);
            if (left_.compare_exchange_weak(left, rest, std::memory_order_relaxed))
                return int64_t(from_back ? last - 1 : first);
        }
    }

    __attribute__((noinline)) void compute_pieces(bool from_back) {
        for (int64_t index; (index = take(from_back)) >= 0;) {
            const Addition* addition = input_.additions;
            for (int64_t pieces; index >= (pieces = pieces_of(*addition)); ++addition) index -= pieces;
            compute(*addition, index / tiles_of(*addition), index % tiles_of(*addition) * TILE);
            done_.fetch_add(1, std::memory_order_release);
        }
    }

    void compute(const Addition& addition, int64_t group, int64_t first) const {
        const Matrix& down = *addition.low_rank->down;
        const F scales = load(addition.low_rank->scales + group * LANES);
        const int64_t left = addition.stop - addition.start - first;
        float* inner = addition.inner + first * down.rows + group * LANES;
        multiply_plain(down, group, group + 1, input_.x + (addition.start + first) * input_.stride, input_.stride,
                       left < TILE ? left : TILE,
                       [&](int64_t, int64_t token, F sums) { store(inner + token * down.rows, sums * scales); });
    }

    // Until the pieces that others have taken are there. They wait for nobody.
    void wait() const {
        for (int spins = 0; done_.load(std::memory_order_acquire) < pieces_; ++spins)
            spins < 1000 ? engine::pause() : std::this_thread::yield();
    }

    __attribute__((noinline)) void add_rows(int64_t first, int64_t last, int64_t token, int64_t tokens, float* y) const {
        wait();
        for_each([&](const Addition& addition) {
            const int64_t from = addition.start > token ? addition.start : token;
            const int64_t to = addition.stop < token + tokens ? addition.stop : token + tokens;
            if (from >= to) return;
            const engine::LowRank& low_rank = *addition.low_rank;
            const int64_t stride = low_rank.down->rows;
            for (const engine::LowRankPart* part = low_rank.parts; part < low_rank.parts + low_rank.num_parts; ++part) {
                const int64_t start = part->start / LANES, end = start + groups_of(*part->up);
                const float* inner = addition.inner + (from - addition.start) * stride + part->first;
                float* out = y + (from - token) * rows_ + part->start;
                const auto add_lanes = [&](int64_t group, int64_t index, F sums) {
                    float* row = out + index * rows_ + group * LANES;
                    const int64_t left = rows_ - part->start - group * LANES;
                    if (left >= LANES) return store(row, load(row) + sums);
                    float lanes[LANES];
                    store(lanes, sums);
                    for (int64_t i = 0; i < left; ++i) row[i] += lanes[i];
                };
                multiply_plain(*part->up, (first > start ? first : start) - start, (last < end ? last : end) - start,
                               inner, stride, to - from, add_lanes);
            }
        });
    }

    const Input& input_;
    const int64_t rows_, groups_;
    int64_t pieces_, lines_;  // of A · x; of memory to send for
    alignas(64) std::atomic<uint64_t> left_;  // pieces that nobody has taken, as (first, last)
    std::atomic<int64_t> done_{0};
};

// Sends for what will be added to rows of groups [first, last), and for as large a share of what the next product begins
// with: some lines with every block of weights. All of them at once would have to wait for each other.
class Ahead {
  public:
    template <class D>
    static INLINE Ahead of(const LowRankUpdate& update, const Matrix& weight, int64_t first, int64_t last) {
        return Ahead(update, first, last, update.groups_ * (weight.columns / D::columns));
    }

    // With every block of weights.
    INLINE void some() {
        for (due_ += lines_; due_ >= blocks_; due_ -= blocks_, at_ += 64) {
            if (at_ >= end_ && !advance()) return;
            __builtin_prefetch(at_, 0, 2);
        }
    }

  private:
    Ahead(const LowRankUpdate& update, int64_t first, int64_t last, int64_t blocks)
        : update_(update), first_(first), last_(last), lines_(update.lines_), blocks_(blocks) {}

    // To the next range; false: there is none.
    __attribute__((noinline)) bool advance() {
        const int64_t count = update_.input_.num_additions, groups = update_.groups_;
        while (addition_ < count) {
            const Addition& addition = update_.input_.additions[addition_];
            if (part_ < addition.low_rank->num_parts) {
                const engine::LowRankPart& part = addition.low_rank->parts[part_++];
                const int64_t start = part.start / LANES, end = start + groups_of(*part.up);
                range(*part.up, plain_group_bytes(*part.up), (first_ > start ? first_ : start) - start,
                      (last_ < end ? last_ : end) - start);
            } else {
                const int64_t before = addition_++ * groups;  // a share of all A side by side
                part_ = 0;
                at_ = end_ = nullptr;
                const int64_t from = within(first_ * count - before), to = within(last_ * count - before);
                if (addition.next == nullptr || from == to) continue;
                const Matrix& down = *addition.next->down;
                const int64_t bytes = groups_of(down) * plain_group_bytes(down) / groups;
                range(down, bytes, from, to);
            }
            if (at_ < end_) return true;
        }
        return false;
    }

    void range(const Matrix& matrix, int64_t bytes, int64_t from, int64_t to) {
        at_ = matrix.data + bytes * from, end_ = matrix.data + bytes * to;
    }

    int64_t within(int64_t position) const {
        return position < 0 ? 0 : position < update_.groups_ ? position : update_.groups_;
    }

    const LowRankUpdate& update_;
    const int64_t first_, last_;
    const int64_t lines_, blocks_;  // of the product: so many lines for so many blocks
    const uint8_t *at_ = nullptr, *end_ = nullptr;
    int64_t due_ = 0, addition_ = 0, part_ = 0;
};

}  // namespace
