// What adapters add to a product: y += B · (scale · (A · x)), tokens that belong to one adapter side by side. Plain numbers
// are multiplied as floats; A and B may also be codes of eight bits (Q8_0), which take rounded activations. The threads share
// A · x, each its pieces behind its first rows of the product; B's part follows each run of rows while that is in the
// first-level cache.
#pragma once
#include <algorithm>
#include <atomic>
#include <thread>

#include "weights.h"

namespace {

using engine::Addition;
using engine::Input;
using engine::Line;
using engine::LowRankPart;
using engine::PairInput;

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

// Products with codes of eight bits: see rounded.h. Of A: rows of `group` for `count` tokens from `token` on, at most
// LOW_RANK_TOKENS, whose first row of results is `y`.
void coded_products(const Matrix& down, int64_t group, const Input& input, int64_t token, int64_t count, float* y);

INLINE bool is_paired(const Matrix& up) { return up.format == engine::Q8_0; }
void round_for_pairs(F inner, PairInput* to);
// Adds groups [first, last) of B times one token's input to its results, of which `y` is the first.
void add_pairs(const Matrix& up, int64_t first, int64_t last, const PairInput& input, float* y);

INLINE int64_t bytes_of_group(const Matrix& matrix) {
    if (matrix.format == engine::Q8_0) return group_bytes<Decoder<engine::Q8_0>>(matrix);
    return matrix.columns * LANES * (matrix.format == engine::F32 ? 4 : 2);
}

// The additions to one product, on which all its threads work.
class LowRankUpdate {
  public:
    LowRankUpdate(const Matrix& weight, const Input& input) : input_(input), rows_(weight.rows), groups_(groups_of(weight)) {
        for (int64_t i = 0; i < input.num_additions; ++i) {
            const Addition& addition = input.additions[i];
            pieces_ += pieces_of(addition);
            for (const LowRankPart& part : *addition.low_rank) lines_ += groups_of(*part.up) * bytes_of_group(*part.up) / 64;
        }
        run_ = (pieces_ + engine::threads() - 1) / engine::threads();
    }

  private:
    friend class LowRankWorker;
    static constexpr int64_t TILE = LOW_RANK_TOKENS;

    // Part of scale · (A · x): a group of rows for TILE tokens at most.
    struct Piece {
        const Addition* addition;
        int64_t group, token;  // from the addition's first
    };
    static int64_t tiles_of(const Addition& addition) { return (addition.stop - addition.start + TILE - 1) / TILE; }
    static int64_t pieces_of(const Addition& addition) {
        return groups_of(*addition.low_rank->down) * tiles_of(addition);
    }

    Piece piece(int64_t index) const {
        const Addition* addition = input_.additions;
        for (int64_t pieces; index >= (pieces = pieces_of(*addition)); ++addition) index -= pieces;
        return {addition, index / tiles_of(*addition), index % tiles_of(*addition) * TILE};
    }

    // Sends for what compute() scales with and writes; what it writes lay in another thread's cache last.
    void fetch(const Piece& piece) const {
        const Addition& addition = *piece.addition;
        const Matrix& down = *addition.low_rank->down;
        __builtin_prefetch(addition.low_rank->scales + piece.group * LANES);
        __builtin_prefetch(addition.inner + piece.token * down.rows + piece.group * LANES, 1);
        if (addition.pairs)
            for (const Line& line : pair_input(addition, piece.token, piece.group)->lines) __builtin_prefetch(&line, 1);
    }

    void compute(const Piece& piece) const {
        const Addition& addition = *piece.addition;
        const Matrix& down = *addition.low_rank->down;
        const F scales = load(addition.low_rank->scales + piece.group * LANES);
        const int64_t token = addition.start + piece.token, left = addition.stop - token, count = left < TILE ? left : TILE;
        float* rows = addition.inner + piece.token * down.rows;
        const auto scaled = [&](int64_t index, F sums) {
            store(rows + index * down.rows + piece.group * LANES, sums * scales);
            if (addition.pairs) round_for_pairs(sums * scales, pair_input(addition, piece.token + index, piece.group));
        };
        if (down.format == engine::Q8_0) {
            coded_products(down, piece.group, input_, token, count, rows);
            for (int64_t i = 0; i < count; ++i) scaled(i, load(rows + i * down.rows + piece.group * LANES));
        } else {
            multiply_plain(down, piece.group, piece.group + 1, input_.x + token * input_.stride, input_.stride, count,
                           [&](int64_t, int64_t index, F sums) { scaled(index, sums); });
        }
    }

    // Of a token of the addition and a group of A.
    static PairInput* pair_input(const Addition& addition, int64_t token, int64_t group) {
        return addition.pairs + token * groups_of(*addition.low_rank->down) + group;
    }

    // To groups [first, last) of tokens [from, to), whose first row is `y`.
    void add_part(const Addition& addition, const LowRankPart& part, int64_t first, int64_t last, int64_t from, int64_t to,
                  float* y) const {
        const int64_t start = part.start / LANES, earlier = from - addition.start;
        first = first > start ? first - start : 0, last = last - start;
        const int64_t groups = groups_of(*part.up);
        y += part.start;
        if (is_paired(*part.up)) {
            if (last > 2 * groups) last = 2 * groups;
            for (int64_t index = 0; index < to - from; ++index)
                add_pairs(*part.up, first, last, *pair_input(addition, earlier + index, part.first / LANES), y + index * rows_);
            return;
        }
        const int64_t stride = addition.low_rank->down->rows;
        multiply_plain(*part.up, first, last < groups ? last : groups, addition.inner + earlier * stride + part.first, stride,
                       to - from, [&](int64_t group, int64_t index, F sums) {
                           float* row = y + index * rows_ + group * LANES;
                           const int64_t left = rows_ - part.start - group * LANES;
                           if (left >= LANES) return store(row, load(row) + sums);
                           float lanes[LANES];
                           store(lanes, sums);
                           for (int64_t i = 0; i < left; ++i) row[i] += lanes[i];
                       });
    }

    const Input& input_;
    const int64_t rows_, groups_;
    int64_t pieces_ = 0, run_, lines_ = 0;  // how many; how many a thread takes at once; of memory that B takes
    alignas(64) std::atomic<int64_t> next_{0};  // piece that nobody has taken
    std::atomic<int64_t> done_{0};
};

// What one thread does for a LowRankUpdate beside its chunks of the product. While it multiplies them it sends for the
// memory it will need: some lines with every block of weights, as all of them at once would have to wait for each other.
class LowRankWorker {
  public:
    explicit LowRankWorker(LowRankUpdate& update) : update_(update) {}

    // The chunk is groups [first, last) of the product, `blocks` of weights.
    INLINE void begin(int64_t first, int64_t last, int64_t blocks) {
        if (update_.pieces_ > 0) begin_chunk(first, last, blocks);
    }

    // With every block of weights.
    template <class D>
    INLINE void ahead(const uint8_t* block) {
        prefetch_block<D>(block);
        for (due_ += lines_; due_ >= blocks_; due_ -= blocks_, at_ += 64) {
            if (at_ >= end_ && !advance()) return;
            __builtin_prefetch(at_, 0, 2);
        }
    }

    // The chunk is multiplied for `tokens` tokens from `token` on, the first row of whose results is `y`: adds
    // B · inner, all of it now.
    INLINE void add(int64_t token, int64_t tokens, float* y) {
        if (update_.pieces_ == 0) return;
        wait();
        add_rows(first_, last_, token, tokens, y);
    }

    // The same for all tokens, but only as soon as A · x is there: by finish() at the latest.
    INLINE void end(float* y) {
        if (update_.pieces_ > 0) end_chunk(y);
    }
    INLINE void finish(float* y) {
        if (left_first_ < left_last_) add_left(y);
    }

  private:
    using Piece = LowRankUpdate::Piece;

    __attribute__((noinline)) void begin_chunk(int64_t first, int64_t last, int64_t blocks) {
        first_ = first, last_ = last, blocks_ = blocks;
        take_pieces();
        fetched_ = piece_, addition_ = part_ = due_ = 0, at_ = end_ = nullptr;
        lines_ = update_.lines_ * (last_ - first_) / update_.groups_;
        for (int64_t index = piece_; index < end_piece_; ++index) {
            const Piece piece = update_.piece(index);
            lines_ += bytes_of(piece) / 64;
            update_.fetch(piece);
        }
    }

    // False: all are taken.
    bool take_pieces() {
        if (update_.next_.load(std::memory_order_relaxed) >= update_.pieces_) return false;
        piece_ = update_.next_.fetch_add(update_.run_, std::memory_order_relaxed);
        end_piece_ = std::min(piece_ + update_.run_, update_.pieces_);
        return piece_ < end_piece_;
    }

    void compute_pieces() {
        for (; piece_ < end_piece_; ++piece_) {
            update_.compute(update_.piece(piece_));
            update_.done_.fetch_add(1, std::memory_order_release);
        }
    }

    bool is_done() const { return update_.done_.load(std::memory_order_acquire) >= update_.pieces_; }

    // Until all of A · x is there. Who has taken a piece waits for nobody before it is done.
    void wait() {
        do compute_pieces();
        while (take_pieces());
        for (int spins = 0; !is_done(); ++spins) spins < 1000 ? engine::pause() : std::this_thread::yield();
    }

    __attribute__((noinline)) void end_chunk(float* y) {
        compute_pieces();
        if (left_last_ == first_) left_last_ = last_;
        else if (left_first_ == last_) left_first_ = first_;
        else {
            finish(y);
            left_first_ = first_, left_last_ = last_;
        }
        if (is_done()) add_left(y);
    }

    __attribute__((noinline)) void add_left(float* y) {
        wait();
        add_rows(left_first_, left_last_, 0, update_.input_.tokens, y);
        left_first_ = left_last_;
    }

    // Of a piece's share of A; the same rows for other tokens are there already.
    static int64_t bytes_of(const Piece& piece) {
        return piece.token > 0 ? 0 : bytes_of_group(*piece.addition->low_rank->down);
    }

    // To the next range to send for; false: there is none.
    __attribute__((noinline)) bool advance() {
        while (fetched_ < end_piece_) {
            const Piece piece = update_.piece(fetched_++);
            if (bytes_of(piece) == 0) continue;
            range(*piece.addition->low_rank->down, piece.group, piece.group + 1);
            return true;
        }
        for (; addition_ < update_.input_.num_additions; ++addition_, part_ = 0)
            while (part_ < update_.input_.additions[addition_].low_rank->num_parts) {
                const LowRankPart& part = update_.input_.additions[addition_].low_rank->parts[part_++];
                const int64_t share = is_paired(*part.up) ? 2 : 1, start = part.start / LANES;
                const int64_t groups = groups_of(*part.up), last = (last_ - start) / share;
                range(*part.up, (first_ > start ? first_ - start : 0) / share, last < groups ? last : groups);
                if (at_ < end_) return true;
            }
        return false;
    }

    void range(const Matrix& matrix, int64_t first, int64_t last) {
        at_ = matrix.data + first * bytes_of_group(matrix), end_ = matrix.data + last * bytes_of_group(matrix);
    }

    void add_rows(int64_t first, int64_t last, int64_t token, int64_t tokens, float* y) {
        for (int64_t i = 0; i < update_.input_.num_additions; ++i) {
            const Addition& addition = update_.input_.additions[i];
            const int64_t from = std::max(addition.start, token), to = std::min(addition.stop, token + tokens);
            if (from >= to) continue;
            for (const LowRankPart& part : *addition.low_rank)
                update_.add_part(addition, part, first, last, from, to, y + (from - token) * update_.rows_);
        }
    }

    LowRankUpdate& update_;
    int64_t first_ = 0, last_ = 0, blocks_ = 1;  // of the chunk
    int64_t left_first_ = 0, left_last_ = 0;     // groups multiplied, to which B · inner is not added yet
    int64_t piece_ = 0, end_piece_ = 0;          // those taken and not computed
    int64_t lines_ = 0, due_ = 0;                // to send for in all; this is due, times blocks_
    int64_t fetched_ = 0, addition_ = 0, part_ = 0;  // where what is next to send for begins
    const uint8_t *at_ = nullptr, *end_ = nullptr;
};

}  // namespace
