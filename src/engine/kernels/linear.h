// y = x · Wᵀ + b: few tokens straight from the packed blocks, many tokens through decoded panels.
#pragma once
#include "formats.h"
#include "pool.h"

namespace {

using engine::Matrix;
using engine::Slot;

#if defined(__AVX512F__)
constexpr int DOT_TOKENS = 8, PANEL_GROUPS = 2, TILE_TOKENS = 12;
#elif defined(__AVX2__)
constexpr int DOT_TOKENS = 4, PANEL_GROUPS = 1, TILE_TOKENS = 6;
#else
constexpr int DOT_TOKENS = 1, PANEL_GROUPS = 1, TILE_TOKENS = 2;
#endif
constexpr int64_t CHUNK_BYTES = 1 << 15;  // weights a thread takes at once: a fraction of its share, a few microseconds

constexpr int64_t PREFETCH_BYTES = 8192;  // ahead of the block being used: a tenth to a third faster than none

template <class D>
INLINE int64_t group_bytes(const Matrix& weight) {
    return weight.columns / D::columns * D::bytes * LANES;
}

INLINE int64_t groups_of(const Matrix& weight) { return (weight.rows + LANES - 1) / LANES; }

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

// Sixteen rows times M tokens, codes turned to floats in registers; one scale a sub-block is applied to its sum.
template <int M>
struct Dot {
    static constexpr int PARTS = M == 1 ? 4 : M <= 4 ? 2 : 1;  // independent sums hide the latency of fma
    const float* x[M];
    const float* sums[M];
    F part[M][PARTS], total[M], scale;

    INLINE void begin(F sub_scale) {
        scale = sub_scale;
        UNROLL(12)
        for (int m = 0; m < M; ++m)
            UNROLL(4)
            for (int p = 0; p < PARTS; ++p) part[m][p] = zero();
    }
    INLINE void begin(F sub_scale, F constant, int sub) {
        begin(sub_scale);
        UNROLL(12)
        for (int m = 0; m < M; ++m) total[m] = fma(constant, set1(sums[m][sub]), total[m]);
    }
    INLINE void code(int column, F value) { plain(column, value); }
    INLINE void plain(int column, F value) {
        UNROLL(12)
        for (int m = 0; m < M; ++m)
            part[m][column % PARTS] = fma(value, set1(x[m][column]), part[m][column % PARTS]);
    }
    INLINE F part_of(int m) const {
        if constexpr (PARTS == 4) return (part[m][0] + part[m][1]) + (part[m][2] + part[m][3]);
        else if constexpr (PARTS == 2) return part[m][0] + part[m][1];
        else return part[m][0];
    }
    INLINE void end() {
        UNROLL(12)
        for (int m = 0; m < M; ++m) total[m] = fma(scale, part_of(m), total[m]);
    }
};

// `sums`: (tokens, columns / D::sum_columns), the sum of each run of activations, for formats with a constant.
template <class D, int M>
void dot_groups(const D& decoder, const Matrix& weight, int64_t first, int64_t last, const float* x, int64_t x_stride,
                const float* sums, float* y, int tokens) {
    constexpr bool HAS_SUMS = D::sum_columns > 0;
    const int64_t sum_stride = HAS_SUMS ? weight.columns / (HAS_SUMS ? D::sum_columns : 1) : 0;
    for (int64_t group = first; group < last; ++group) {
        const uint8_t* block = weight.data + group * group_bytes<D>(weight);
        Dot<M> dot;
        UNROLL(12)
        for (int m = 0; m < M; ++m) {
            const int token = m < tokens ? m : tokens - 1;  // the surplus repeats the last token
            dot.x[m] = x + token * x_stride;
            dot.sums[m] = sums + token * sum_stride;
            dot.total[m] = zero();
        }
        dot.begin(zero());
        for (int64_t column = 0; column < weight.columns; column += D::columns) {
            for (int line = 0; line < D::bytes * LANES; line += 64) __builtin_prefetch(block + PREFETCH_BYTES + line);
            decoder(block, dot);
            block += D::bytes * LANES;
            UNROLL(12)
            for (int m = 0; m < M; ++m) {
                dot.x[m] += D::columns;
                if constexpr (HAS_SUMS) dot.sums[m] += D::columns / D::sum_columns;
            }
        }
        for (int m = 0; m < M && m < tokens; ++m) {
            constexpr bool is_plain = D::columns == LANES;
            store_rows(weight, group, is_plain ? dot.part_of(m) : dot.total[m], y + m * weight.rows);
        }
    }
}

template <class D>
const float* sums_of_runs(const Matrix& weight, const float* x, int64_t x_stride, int64_t tokens) {
    if constexpr (D::sum_columns == 0) {
        return nullptr;
    } else {
        const int64_t runs = weight.columns / D::sum_columns;
        float* sums = engine::scratch_of<float>(Slot::Sums, size_t(tokens * runs));
        for (int64_t token = 0; token < tokens; ++token)
            for (int64_t run = 0; run < runs; ++run) {
                const float* values = x + token * x_stride + run * D::sum_columns;
                F total = load(values);
                if constexpr (D::sum_columns == 32) total = total + load(values + 16);
                sums[token * runs + run] = sum(total);
            }
        return sums;
    }
}

template <class D>
void few_tokens(const D& decoder, const Matrix& weight, const float* x, int64_t x_stride, float* y, int64_t tokens) {
    const float* sums = sums_of_runs<D>(weight, x, x_stride, tokens);
    const int64_t groups = groups_of(weight), bytes = group_bytes<D>(weight);
    int64_t step = CHUNK_BYTES / bytes;
    step = step < 1 ? 1 : step;
    const int64_t share = groups / (4 * engine::threads());
    if (step > share) step = share < 1 ? 1 : share;
    const int64_t sum_stride = D::sum_columns ? weight.columns / (D::sum_columns ? D::sum_columns : 1) : 0;
    engine::parallel((groups + step - 1) / step, [&](int64_t chunk) {
        const int64_t first = chunk * step, last = first + step < groups ? first + step : groups;
        const auto some = [&](int64_t token, int count) {
            const auto run = [&](auto width) {
                dot_groups<D, decltype(width)::value>(decoder, weight, first, last, x + token * x_stride, x_stride,
                                                      sums + token * sum_stride, y + token * weight.rows, count);
            };
            if (count == 1) return run(std::integral_constant<int, 1>{});
            if constexpr (DOT_TOKENS >= 2) {
                if (count == 2) return run(std::integral_constant<int, 2>{});
                if (count <= 4) return run(std::integral_constant<int, 4>{});
                run(std::integral_constant<int, DOT_TOKENS>{});
            }
        };
        for (int64_t token = 0; token < tokens; token += DOT_TOKENS)
            some(token, int(tokens - token < DOT_TOKENS ? tokens - token : DOT_TOKENS));
    });
}

// Decodes sixteen rows into floats, (columns, 16).
struct Stage {
    float* out;
    F scale, constant;
    INLINE void begin(F sub_scale) { begin(sub_scale, zero(), 0); }
    INLINE void begin(F sub_scale, F sub_constant, int) {
        scale = sub_scale;
        constant = sub_constant;
    }
    INLINE void code(int column, F value) { store(out + LANES * column, fma(value, scale, constant)); }
    INLINE void plain(int column, F value) { store(out + LANES * column, value); }
    INLINE void end() {}
};

// A panel holds PANEL_GROUPS groups of sixteen rows: floats as (columns, groups, 16), or pairs of bfloats as
// (columns / 2, groups, 16, 2).
template <class D>
void decode_group(const D& decoder, const uint8_t* block, int64_t columns, float* panel, bool bfloat) {
    alignas(64) float staged[D::columns * LANES];
    for (int64_t column = 0; column < columns; column += D::columns, block += D::bytes * LANES) {
        Stage stage{staged, zero(), zero()};
        decoder(block, stage);
        if (bfloat) {
            for (int i = 0; i < D::columns; i += 2) {
                const I low = rounded_bfloat(load(staged + LANES * i));
                const I high = rounded_bfloat(load(staged + LANES * (i + 1)));
                const I pair = shr(low, 16) | (high & set1(int32_t(0xffff0000)));
                store(panel + (column + i) / 2 * PANEL_GROUPS * LANES, as_float(pair));
            }
        } else {
            for (int i = 0; i < D::columns; ++i)
                store(panel + (column + i) * PANEL_GROUPS * LANES, load(staged + LANES * i));
        }
    }
}

struct FloatProducts {
    static INLINE F step(F weights, const float* x, F total) { return fma(weights, set1(*x), total); }
};

#if defined(__AVX512F__)
#define BFLOAT_TARGET __attribute__((target("avx512bf16")))
struct BfloatProducts {
    static INLINE BFLOAT_TARGET F step(F weights, const float* pair, F total) {
        return {_mm512_dpbf16_ps(total.v, (__m512bh)_mm512_castps_si512(weights.v),
                                 (__m512bh)_mm512_castps_si512(_mm512_set1_ps(*pair)))};
    }
};
#else
#define BFLOAT_TARGET
using BfloatProducts = FloatProducts;  // never asked for: see Kernels::has_bfloat_products
#endif

// M tokens times one panel. `x`: (tokens, steps) of floats, or of bfloat pairs in the same 32 bits.
template <class Products, int M>
BFLOAT_TARGET void tile(const Matrix& weight, int64_t panel_index, const float* panel, const float* x, int64_t steps,
          int64_t x_stride, float* y) {
    F total[M][PANEL_GROUPS];
    UNROLL(12)
    for (int m = 0; m < M; ++m)
        UNROLL(2)
        for (int g = 0; g < PANEL_GROUPS; ++g) total[m][g] = zero();
    for (int64_t step = 0; step < steps; ++step) {
        F weights[PANEL_GROUPS];
        UNROLL(2)
        for (int g = 0; g < PANEL_GROUPS; ++g) weights[g] = load(panel + (step * PANEL_GROUPS + g) * LANES);
            UNROLL(12)
            for (int m = 0; m < M; ++m)
                UNROLL(2)
                for (int g = 0; g < PANEL_GROUPS; ++g)
                total[m][g] = Products::step(weights[g], x + m * x_stride + step, total[m][g]);
    }
    UNROLL(12)
    for (int m = 0; m < M; ++m)
        UNROLL(2)
        for (int g = 0; g < PANEL_GROUPS; ++g)
            if ((panel_index * PANEL_GROUPS + g) * LANES < weight.rows)
                store_rows(weight, panel_index * PANEL_GROUPS + g, total[m][g], y + m * weight.rows);
}

template <class Products, int M = TILE_TOKENS>
INLINE void tile_of(int count, const Matrix& weight, int64_t panel_index, const float* panel, const float* x,
                    int64_t steps, int64_t x_stride, float* y) {
    if (count == M) tile<Products, M>(weight, panel_index, panel, x, steps, x_stride, y);
    else if constexpr (M > 1) tile_of<Products, M - 1>(count, weight, panel_index, panel, x, steps, x_stride, y);
}

void to_bfloats(const float* x, uint16_t* out, int64_t columns) {
    for (int64_t i = 0; i < columns; i += LANES) store_bfloat(out + i, load(x + i));
}

template <class D>
void many_tokens(const D& decoder, const Matrix& weight, const float* x, int64_t x_stride, float* y, int64_t tokens,
                 bool bfloat) {
    const int64_t steps = bfloat ? weight.columns / 2 : weight.columns;
    if (bfloat) {
        float* pairs = engine::scratch_of<float>(Slot::Activations, size_t(tokens * steps));
        constexpr int64_t ROWS = 16;
        engine::parallel((tokens + ROWS - 1) / ROWS, [&](int64_t chunk) {
            for (int64_t token = chunk * ROWS; token < tokens && token < (chunk + 1) * ROWS; ++token)
                to_bfloats(x + token * x_stride, (uint16_t*)(pairs + token * steps), weight.columns);
        });
        x = pairs;
        x_stride = steps;
    }
    const int64_t groups = groups_of(weight), panels = (groups + PANEL_GROUPS - 1) / PANEL_GROUPS;
    engine::parallel(panels, [&](int64_t index) {
        float* panel = engine::scratch_of<float>(Slot::Panel, size_t(steps * PANEL_GROUPS * LANES));
        for (int g = 0; g < PANEL_GROUPS; ++g) {
            const int64_t group = index * PANEL_GROUPS + g;
            if (group < groups)
                decode_group(decoder, weight.data + group * group_bytes<D>(weight), weight.columns,
                             panel + g * LANES, bfloat);
            else
                for (int64_t step = 0; step < steps; ++step) store(panel + (step * PANEL_GROUPS + g) * LANES, zero());
        }
        for (int64_t token = 0; token < tokens; token += TILE_TOKENS) {
            const int count = int(tokens - token < TILE_TOKENS ? tokens - token : TILE_TOKENS);
            const float* rows = x + token * x_stride;
            float* out = y + token * weight.rows;
            if (bfloat) tile_of<BfloatProducts>(count, weight, index, panel, rows, steps, x_stride, out);
            else tile_of<FloatProducts>(count, weight, index, panel, rows, steps, x_stride, out);
        }
    });
}

constexpr int64_t FEW_TOKENS = 8;  // measured: from nine on, decoding once beats decoding in every tile

void linear(const Matrix& weight, const float* x, int64_t x_stride, float* y, int64_t tokens, bool bfloat) {
    with_decoder(weight.format, [&](const auto& decoder) {
        if (tokens <= FEW_TOKENS) few_tokens(decoder, weight, x, x_stride, y, tokens);
        else many_tokens(decoder, weight, x, x_stride, y, tokens, bfloat);
    });
}

// Single rows as floats, (count, columns): the embedding lookup.
void dequantize(const Matrix& weight, const int64_t* rows, int64_t count, float* out) {
    with_decoder(weight.format, [&](const auto& decoder) {
        using D = std::decay_t<decltype(decoder)>;
        engine::parallel(count, [&](int64_t index) {
            const int64_t group = rows[index] / LANES, lane = rows[index] % LANES;
            const uint8_t* block = weight.data + group * group_bytes<D>(weight);
            alignas(64) float staged[D::columns * LANES];
            for (int64_t column = 0; column < weight.columns; column += D::columns, block += D::bytes * LANES) {
                Stage stage{staged, zero(), zero()};
                decoder(block, stage);
                for (int i = 0; i < D::columns; ++i) out[index * weight.columns + column + i] = staged[i * LANES + lane];
            }
        });
    });
}

}  // namespace
