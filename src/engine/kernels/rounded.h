// Products with activations rounded to bytes or to bfloat.
//
// Rounding to one byte is that of llama.cpp's Q8 activations, with a float scale: a run of 32 columns shares scale =
// largest / 127. Two bytes hold largest / 32639. A sub-block's products are summed as integers, exactly; then its scale,
// the run's scale and what the offset and the constant of the format add are applied in float. The order of the float
// operations depends on nothing but the columns: a token's result is the same to the last bit whatever else is in the
// batch.
#pragma once
#include "low_rank.h"

namespace {

using engine::Precision;

#if defined(__AVX512F__)
#define BFLOAT_TARGET __attribute__((target("avx512bf16")))
#else
#define BFLOAT_TARGET
#endif

constexpr int LINE_COLUMNS = 32;
#if defined(__AVX512F__)
constexpr int PAIR = 2;  // groups of sixteen rows that share one pass over the tokens: their codes stay in registers
#else
constexpr int PAIR = 1;
#endif
constexpr int64_t TOKEN_TILE = 60;  // sums of so many tokens stay in the first-level cache
constexpr int64_t PANEL_BYTES = 1 << 18;  // weights that stay in the second-level cache from tile to tile
constexpr int AT_ONCE = 8;       // tokens that share codes in registers
constexpr int BFLOAT_TILE = 12;  // tokens whose sums with PAIR groups stay in registers
constexpr int FEW_TOKENS = 24;   // measured: up to here passes of AT_ONCE beat unpacking codes for a tile

template <int BYTES>
INLINE void round_to_bytes(const float* x, Line* line) {
    constexpr float LARGEST = BYTES == 1 ? 127 : 127 * 256 + 127;
    const F low = load(x), high = load(x + LANES);
    // The bits of magnitudes order like the magnitudes, with NaN the largest: it has to reach the result.
    const I magnitudes = set1(0x7fffffff);
    const int32_t bits = largest(max_int(bits_of(low) & magnitudes, bits_of(high) & magnitudes));
    float most;
    std::memcpy(&most, &bits, 4);
    if (most < 1e-30f) {
        std::memset(line, 0, BYTES * sizeof *line);
        return;
    }
    const F factor = set1(LARGEST / most);
    const I codes[2] = {nearest(low * factor), nearest(high * factor)};
    int32_t sums[3];
    for (int half = 0; half < 2; ++half) {
        const I upper = BYTES == 1 ? codes[half] : sar(add_int(codes[half], set1(128)), 8);
        store_bytes(line->codes + half * LANES, upper);
        if constexpr (BYTES == 2) store_bytes(line[1].codes + half * LANES, sub_int(codes[half], shl(upper, 8)));
        sums[half] = sum(codes[half]);
    }
    sums[2] = sums[0] + sums[1];
    line->scale = most / LARGEST;
    for (int part = 0; part < 3; ++part) {
        line->sums[part] = line->scale * float(sums[part]);
        line->negatives[part] = -sums[part];
    }
}

void round_rows(engine::Form form, const float* x, int64_t x_stride, int64_t columns, int64_t tokens, int64_t first,
                int64_t last, Line* lines) {
    const int size = form == engine::TWO_BYTES ? 2 : 1;
    for (int64_t token = first; token < last; ++token) {
        const float* row = x + token * x_stride;
        Line* line = lines + size * token;
        for (int64_t column = 0; column < columns; column += LINE_COLUMNS, line += size * tokens) {
            if (form == engine::ONE_BYTE) {
                round_to_bytes<1>(row + column, line);
            } else if (form == engine::TWO_BYTES) {
                round_to_bytes<2>(row + column, line);
            } else {
                store_bfloat(line->bfloats, load(row + column));
                store_bfloat(line->bfloats + LANES, column + LANES < columns ? load(row + column + LANES) : zero());
            }
        }
    }
}

// One sub-block of sixteen rows: where its activations are, and what is left to do when its integer sum is known.
template <class D, int BYTES>
struct SubBlock {
    F scale, constant;
    static constexpr int WORDS = D::sub_columns / 4;
    static INLINE const Line* line_of(const Line* lines, int64_t tokens, int sub) {
        return lines + sub * D::sub_columns / LINE_COLUMNS * tokens * BYTES;
    }
    static INLINE int part_of(int sub) { return D::sub_columns == LINE_COLUMNS ? 2 : sub % 2; }
    static INLINE int first_of(int sub) { return sub * D::sub_columns % LINE_COLUMNS; }  // code of the line
    static INLINE I start(const Line& line, int sub) {
        if constexpr (D::offset_bits > 0) return shl(set1(line.negatives[part_of(sub)]), D::offset_bits);
        else return set1(0);
    }
    INLINE F add(F total, I products, const Line& line, int sub) const {
        total = fma(to_float(products) * scale, set1(line.scale), total);
        if constexpr (D::has_constant) total = fma(constant, set1(line.sums[part_of(sub)]), total);
        return total;
    }
};

// Sixteen rows times M tokens, from packed codes in registers.
template <class D, int BYTES, int M>
struct FewTokens {
    const Line* lines;  // of this block's first columns and the first token
    int64_t tokens;
    F total[M];
    I upper[M], products[M];
    SubBlock<D, BYTES> block;
    int sub;

    INLINE void begin(int index, F scale, F constant = zero()) {
        sub = index;
        block = {scale, constant};
        const Line* line = block.line_of(lines, tokens, sub);
        UNROLL(8)
        for (int m = 0; m < M; ++m) {
            products[m] = block.start(line[m * BYTES], sub);
            if constexpr (BYTES == 2) upper[m] = set1(0);
        }
    }
    INLINE void word(int column, I codes) {
        const Line* line = block.line_of(lines, tokens, sub);
        UNROLL(8)
        for (int m = 0; m < M; ++m) {
            const auto four = [&](int byte) { return set1_word(line[m * BYTES + byte].codes + column % LINE_COLUMNS); };
            if constexpr (BYTES == 2) upper[m] = dot4(upper[m], codes, four(0));
            products[m] = dot4(products[m], codes, four(BYTES - 1));
        }
    }
    INLINE void end() {
        const Line* line = block.line_of(lines, tokens, sub);
        UNROLL(8)
        for (int m = 0; m < M; ++m) {
            if constexpr (BYTES == 2) products[m] = add_int(products[m], shl(upper[m], 8));
            total[m] = block.add(total[m], products[m], line[m * BYTES], sub);
        }
    }
};

// The results of M - `surplus` tokens; the lines of the others are read, whatever they are.
template <class D, int BYTES, int M, class Worker>
void few_tokens_of_group(const Matrix& weight, int64_t group, const Line* lines, int64_t tokens, int surplus, Worker& worker,
                         float* y) {
    const D decoder;
    const uint8_t* block = weight.data + group * group_bytes<D>(weight);
    FewTokens<D, BYTES, M> sink;
    sink.lines = lines;
    sink.tokens = tokens;
    UNROLL(8)
    for (int m = 0; m < M; ++m) sink.total[m] = zero();
    for (int64_t column = 0; column < weight.columns; column += D::columns, block += D::bytes * LANES) {
        worker.template ahead<D>(block);
        decoder(block, sink);
        sink.lines += D::columns / LINE_COLUMNS * tokens * BYTES;
    }
    for (int m = 0; m < M - surplus; ++m) store_rows(weight, group, sink.total[m], y + m * weight.rows);
}

// Codes and scales of one block of sixteen rows, unpacked for many tokens.
template <class D, int BYTES>
struct Unpacked {
    I codes[D::columns / 4];
    SubBlock<D, BYTES> blocks[D::columns / D::sub_columns];
    int sub;
    INLINE void begin(int index, F scale, F constant = zero()) {
        sub = index;
        blocks[sub] = {scale, constant};
    }
    INLINE void word(int column, I four) { codes[column / 4] = four; }
    INLINE void end() {}
};

// One sub-block of `PAIR` groups times `count` tokens, added to sums (count, PAIR, 16).
template <class D, int BYTES>
INLINE void add_products(const Unpacked<D, BYTES>* unpacked, int sub, const Line* lines, int64_t tokens, int64_t count,
                         float* sums) {
    constexpr int WORDS = SubBlock<D, BYTES>::WORDS;
    I codes[PAIR][WORDS];
    SubBlock<D, BYTES> block[PAIR];
    UNROLL(2)
    for (int g = 0; g < PAIR; ++g) {
        block[g] = unpacked[g].blocks[sub];
        UNROLL(8)
        for (int word = 0; word < WORDS; ++word) codes[g][word] = unpacked[g].codes[sub * WORDS + word];
    }
    const Line* line = block[0].line_of(lines, tokens, sub);
    for (int64_t token = 0; token < count; ++token, line += BYTES, sums += PAIR * LANES) {
        I products[PAIR];
        const auto add_dots = [&](const Line& from) {
            UNROLL(8)
            for (int word = 0; word < WORDS; ++word) {
                const I four = set1_word(from.codes + block[0].first_of(sub) + 4 * word);
                UNROLL(2)
                for (int g = 0; g < PAIR; ++g) products[g] = dot4(products[g], codes[g][word], four);
            }
        };
        const I start = block[0].start(*line, sub);
        UNROLL(2)
        for (int g = 0; g < PAIR; ++g) products[g] = BYTES == 2 ? set1(0) : start;
        add_dots(*line);
        if constexpr (BYTES == 2) {
            UNROLL(2)
            for (int g = 0; g < PAIR; ++g) products[g] = add_int(shl(products[g], 8), start);
            add_dots(line[1]);
        }
        UNROLL(2)
        for (int g = 0; g < PAIR; ++g)
            store(sums + g * LANES, block[g].add(load(sums + g * LANES), products[g], *line, sub));
    }
}

template <class D, int BYTES>
void many_tokens_of_pair(const Matrix& weight, int64_t group, const Line* lines, int64_t tokens, int64_t count,
                         float* y) {
    const D decoder;
    alignas(64) float sums[TOKEN_TILE * PAIR * LANES];
    std::memset(sums, 0, size_t(count * PAIR * LANES) * 4);
    Unpacked<D, BYTES> unpacked[PAIR];
    const int groups = groups_of(weight) - group < PAIR ? 1 : PAIR;
    const uint8_t* block = weight.data + group * group_bytes<D>(weight);
    for (int64_t column = 0; column < weight.columns; column += D::columns, block += D::bytes * LANES) {
        for (int g = 0; g < PAIR; ++g) {
            const uint8_t* from = block + (g < groups ? g : 0) * group_bytes<D>(weight);
            prefetch_block<D>(from);
            decoder(from, unpacked[g]);
        }
        for (int sub = 0; sub < D::columns / D::sub_columns; ++sub)
            add_products(unpacked, sub, lines, tokens, count, sums);
        lines += D::columns / LINE_COLUMNS * tokens * BYTES;
    }
    for (int64_t token = 0; token < count; ++token)
        for (int g = 0; g < groups; ++g)
            store_rows(weight, group + g, load(sums + (token * PAIR + g) * LANES), y + token * weight.rows);
}

// Bfloat weights: sixteen rows of two columns a word.
#if defined(__AVX512F__)
INLINE BFLOAT_TARGET F dot2(F total, I weights, I values) {
    return {_mm512_dpbf16_ps(total.v, (__m512bh)weights.v, (__m512bh)values.v)};
}

// Every sum stays in a register, so a token's numbers are added up in one order whatever M and GROUPS are.
template <int M, int GROUPS>
BFLOAT_TARGET void tile_of_bfloats(const Matrix& weight, int64_t group, const Line* lines, int64_t tokens, int surplus,
                                   float* y) {
    const int64_t stride = weight.columns * LANES * 2;
    const uint8_t* words = weight.data + group * stride;
    F total[GROUPS][M];
    for (int g = 0; g < GROUPS; ++g)
        for (int m = 0; m < M; ++m) total[g][m] = zero();
    for (int64_t column = 0; column < weight.columns; column += LANES, words += LANES * LANES * 2) {
        const Line* line = lines + column / LINE_COLUMNS * tokens;
        UNROLL(12)
        for (int m = 0; m < M; ++m) __builtin_prefetch(line + tokens + m);
        UNROLL(8)
        for (int pair = 0; pair < LANES / 2; ++pair) {
            I weights[GROUPS];
            UNROLL(4)
            for (int g = 0; g < GROUPS; ++g) {
                const uint8_t* at = words + g * stride + 64 * pair;
                __builtin_prefetch(at + PREFETCH_BYTES);
                weights[g] = load_int(at);
            }
            UNROLL(12)
            for (int m = 0; m < M; ++m) {
                const I two = set1_word(line[m].bfloats + column % LINE_COLUMNS + 2 * pair);
                UNROLL(4)
                for (int g = 0; g < GROUPS; ++g) total[g][m] = dot2(total[g][m], weights[g], two);
            }
        }
    }
    for (int g = 0; g < GROUPS; ++g)
        for (int m = 0; m < M - surplus; ++m) store_rows(weight, group + g, total[g][m], y + m * weight.rows);
}

// `count` tokens, at most M, times a pair of groups.
template <int M = BFLOAT_TILE>
INLINE void tile_of_pair(int64_t count, const Matrix& weight, int64_t group, const Line* lines, int64_t tokens, float* y) {
    if (count < M) {
        if constexpr (M > 1) tile_of_pair<M - 1>(count, weight, group, lines, tokens, y);
    } else if (group + PAIR <= groups_of(weight)) {
        tile_of_bfloats<M, PAIR>(weight, group, lines, tokens, 0, y);
    } else {
        tile_of_bfloats<M, 1>(weight, group, lines, tokens, 0, y);
    }
}
#endif

// Calls body with the smallest of 1, 2, 4 and 8 that is at least `count`, as a constant.
template <class Body>
INLINE void with_width(int64_t count, Body&& body) {
    if (count == 1) body(std::integral_constant<int, 1>{});
    else if (count == 2) body(std::integral_constant<int, 2>{});
    else if (count <= 4) body(std::integral_constant<int, 4>{});
    else body(std::integral_constant<int, AT_ONCE>{});
}

// Products of all rows with all tokens: few(first, last, M, lines, surplus, y) does groups [first, last) for
// M - surplus tokens with SIZE lines each, many(group, lines, count, y) does PAIR groups from `group` for a tile of tokens.
template <class D, int SIZE, class Few, class Many>
INLINE void rounded_products(const Matrix& weight, const Input& input, const Line* lines, float* y, Few&& few,
                             Many&& many) {
    const int64_t tokens = input.tokens;
    LowRankUpdate update(weight, input);
    if (tokens <= FEW_TOKENS) {
        over_groups<D>(weight, [&](auto&& each) {
            LowRankWorker worker(update);
            each([&](int64_t first, int64_t last) {
                worker.begin(first, last, (last - first) * (weight.columns / D::columns));
                for (int64_t token = 0; token < tokens; token += AT_ONCE) {
                    with_width(tokens - token, [&](auto width) {
                        const int64_t surplus = token + decltype(width)::value - tokens;
                        few(first, last, width, lines + token * SIZE, int(surplus > 0 ? surplus : 0), worker,
                            y + token * weight.rows);
                    });
                }
                worker.end(y);
            });
            worker.finish(y);
        });
        return;
    }
    const int64_t pairs = (groups_of(weight) + PAIR - 1) / PAIR, tiles = (tokens + TOKEN_TILE - 1) / TOKEN_TILE;
    const int64_t most = PANEL_BYTES / (PAIR * group_bytes<D>(weight)), share = pairs * tiles / (8 * engine::threads());
    int64_t step = share < most ? share : most;
    step = step < 1 ? 1 : step > 8 ? 8 : step;
    engine::parallel((pairs + step - 1) / step * tiles, [&](int64_t index) {
        const int64_t first = index / tiles * step, token = index % tiles * TOKEN_TILE;
        const int64_t count = tokens - token < TOKEN_TILE ? tokens - token : TOKEN_TILE;
        LowRankWorker worker(update);
        worker.begin(first * PAIR, (first + step) * PAIR, 1);
        for (int64_t pair = first; pair < first + step && pair < pairs; ++pair)
            many(pair * PAIR, lines + token * SIZE, count, y + token * weight.rows);
        worker.add(token, count, y + token * weight.rows);
    });
}

// What is sent for already.
struct NothingAhead {
    template <class D>
    INLINE void ahead(const uint8_t*) const {}
};

void coded_products(const Matrix& matrix, int64_t group, const Input& input, int64_t token, int64_t count, float* y) {
    NothingAhead nothing;
    with_width(count, [&](auto width) {
        constexpr int M = decltype(width)::value;
        using D = Decoder<engine::Q8_0>;
        if (const Line* lines = input.lines[engine::ONE_BYTE])
            few_tokens_of_group<D, 1, M>(matrix, group, lines + token, input.tokens, int(M - count), nothing, y);
        else
            few_tokens_of_group<D, 2, M>(matrix, group, input.lines[engine::TWO_BYTES] + 2 * token, input.tokens,
                                         int(M - count), nothing, y);
    });
}

void round_for_pairs(F inner, PairInput* to) {
    float columns[LINE_COLUMNS] = {};
    store(columns, inner);
    round_to_bytes<2>(columns, to->lines);
}

// The first sixteen columns of sixteen rows and the last, both times the first sixteen columns of a token.
template <class D>
struct Halves {
    I input[2][LANES / 4], start;
    F input_scale, scale;
    I upper[2], products[2];

    INLINE explicit Halves(const Line* line) : start(shl(set1(line->negatives[0]), D::offset_bits)), input_scale(set1(line->scale)) {
        UNROLL(4)
        for (int word = 0; word < LANES / 4; ++word)
            UNROLL(2)
            for (int byte = 0; byte < 2; ++byte) input[byte][word] = set1_word(line[byte].codes + 4 * word);
    }
    INLINE void begin(int, F block_scale) {
        scale = block_scale * input_scale;
        UNROLL(2)
        for (int half = 0; half < 2; ++half) upper[half] = set1(0), products[half] = start;
    }
    INLINE void word(int column, I codes) {
        const int half = column / LANES, word = column % LANES / 4;
        upper[half] = dot4(upper[half], codes, input[0][word]);
        products[half] = dot4(products[half], codes, input[1][word]);
    }
    INLINE void end() {}
    INLINE F sums(int half) const { return to_float(add_int(products[half], shl(upper[half], 8))) * scale; }
};

void add_pairs(const Matrix& up, int64_t first, int64_t last, const PairInput& input, float* y) {
    using D = Decoder<engine::Q8_0>;
    Halves<D> halves(input.lines);
    for (int64_t pair = first / 2; 2 * pair < last; ++pair) {
        D()(up.data + pair * group_bytes<D>(up), halves);
        for (int half = 0; half < 2; ++half) {
            const int64_t group = 2 * pair + half;
            float* row = y + group * LANES;
            if (group >= first && group < last) store(row, load(row) + halves.sums(half));
        }
    }
}

template <class D, int BYTES>
void rounded_linear(const Matrix& weight, const Input& input, float* y) {
    const int64_t tokens = input.tokens;
    rounded_products<D, BYTES>(
        weight, input, input.lines[BYTES == 1 ? engine::ONE_BYTE : engine::TWO_BYTES], y,
        [&](int64_t first, int64_t last, auto width, const Line* from, int surplus, LowRankWorker& worker, float* out) {
            for (int64_t group = first; group < last; ++group)
                few_tokens_of_group<D, BYTES, decltype(width)::value>(weight, group, from, tokens, surplus, worker, out);
        },
        [&](int64_t group, const Line* from, int64_t count, float* out) {
            many_tokens_of_pair<D, BYTES>(weight, group, from, tokens, count, out);
        });
}

#if defined(__AVX512F__)
void bfloat_linear(const Matrix& weight, const Input& input, float* y) {
    const int64_t tokens = input.tokens;
    rounded_products<Decoder<engine::BF16>, 1>(
        weight, input, input.lines[engine::BFLOATS], y,
        [&](int64_t first, int64_t last, auto width, const Line* from, int surplus, LowRankWorker&, float* out) {
            constexpr int M = decltype(width)::value, GROUPS = M == 1 ? 4 : M <= 4 ? 2 : 1;  // latency, registers
            int64_t group = first;
            for (; group + GROUPS <= last; group += GROUPS)
                tile_of_bfloats<M, GROUPS>(weight, group, from, tokens, surplus, out);
            for (; group < last; ++group) tile_of_bfloats<M, 1>(weight, group, from, tokens, surplus, out);
        },
        [&](int64_t group, const Line* from, int64_t count, float* out) {
            const int64_t tiles = (count + BFLOAT_TILE - 1) / BFLOAT_TILE, step = (count + tiles - 1) / tiles;
            for (int64_t token = 0; token < count; token += step)
                tile_of_pair(count - token < step ? count - token : step, weight, group, from + token, tokens,
                             out + token * weight.rows);
        });
}
#endif

}  // namespace
