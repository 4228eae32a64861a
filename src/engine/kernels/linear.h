// y = x · Wᵀ + b. Quantised and bfloat weights: see rounded.h. Plain numbers are multiplied as floats here, few tokens
// straight from the weights, many tokens through panels of floats.
#pragma once
#include "rounded.h"

namespace {

#if defined(__AVX512F__)
constexpr int PANEL_GROUPS = 2, TILE_TOKENS = 12;
#elif defined(__AVX2__)
constexpr int PANEL_GROUPS = 1, TILE_TOKENS = 6;
#else
constexpr int PANEL_GROUPS = 1, TILE_TOKENS = 2;
#endif

// Sixteen rows times M tokens.
template <int M>
struct Dot {
    static constexpr int PARTS = M == 1 ? 4 : M <= 4 ? 2 : 1;  // independent sums hide the latency of fma
    const float* x[M];
    F part[M][PARTS];

    INLINE void plain(int column, F value) {
        UNROLL(8)
        for (int m = 0; m < M; ++m)
            part[m][column % PARTS] = fma(value, set1(x[m][column]), part[m][column % PARTS]);
    }
    INLINE F total(int m) const {
        if constexpr (PARTS == 4) return (part[m][0] + part[m][1]) + (part[m][2] + part[m][3]);
        else if constexpr (PARTS == 2) return part[m][0] + part[m][1];
        else return part[m][0];
    }
};

template <class D, int M>
void dot_group(const Matrix& weight, int64_t group, const Input& input, int64_t token, LowRankWorker& worker, float* y) {
    const D decoder;
    const uint8_t* block = weight.data + group * group_bytes<D>(weight);
    const int64_t left = input.tokens - token;
    Dot<M> dot;
    UNROLL(8)
    for (int m = 0; m < M; ++m) {
        dot.x[m] = input.x + (token + (m < left ? m : left - 1)) * input.stride;  // the surplus repeats the last token
        UNROLL(4)
        for (int p = 0; p < Dot<M>::PARTS; ++p) dot.part[m][p] = zero();
    }
    for (int64_t column = 0; column < weight.columns; column += D::columns, block += D::bytes * LANES) {
        worker.ahead<D>(block);
        decoder(block, dot);
        UNROLL(8)
        for (int m = 0; m < M; ++m) dot.x[m] += D::columns;
    }
    for (int m = 0; m < M && m < left; ++m) store_rows(weight, group, dot.total(m), y + (token + m) * weight.rows);
}

template <class D>
void few_tokens(const Matrix& weight, const Input& input, float* y) {
    LowRankUpdate update(weight, input);
    over_groups<D>(weight, [&](auto&& each) {
        LowRankWorker worker(update);
        each([&](int64_t first, int64_t last) {
            worker.begin(first, last, (last - first) * (weight.columns / D::columns));
            for (int64_t token = 0; token < input.tokens; token += AT_ONCE)
                with_width(input.tokens - token, [&](auto width) {
                    for (int64_t group = first; group < last; ++group)
                        dot_group<D, decltype(width)::value>(weight, group, input, token, worker, y);
                });
            worker.end(y);
        });
        worker.finish(y);
    });
}

// Writes sixteen rows as floats, (columns, 16), columns `stride` floats apart.
template <class D>
struct Stage {
    static constexpr float OFFSET = D::offset_bits > 0 ? float(1 << D::offset_bits) : 0.0f;
    float* out;
    int64_t stride;
    F scale, constant;
    INLINE void begin(int, F sub_scale, F sub_constant = zero()) {
        scale = sub_scale;
        constant = sub_constant;
    }
    INLINE void word(int column, I codes) {
        UNROLL(4)
        for (int i = 0; i < 4; ++i)
            plain(column + i, fma(to_float(byte_of(codes, i)) - set1(OFFSET), scale, constant));
    }
    INLINE void plain(int column, F value) { store(out + stride * column, value); }
    INLINE void end() {}
};

// M tokens times one panel of (columns, PANEL_GROUPS, 16) floats.
template <int M>
void tile(const Matrix& weight, int64_t panel_index, const float* panel, const float* x, int64_t x_stride, float* y) {
    F total[M][PANEL_GROUPS];
    UNROLL(12)
    for (int m = 0; m < M; ++m)
        UNROLL(2)
        for (int g = 0; g < PANEL_GROUPS; ++g) total[m][g] = zero();
    for (int64_t column = 0; column < weight.columns; ++column) {
        F weights[PANEL_GROUPS];
        UNROLL(2)
        for (int g = 0; g < PANEL_GROUPS; ++g) weights[g] = load(panel + (column * PANEL_GROUPS + g) * LANES);
        UNROLL(12)
        for (int m = 0; m < M; ++m)
            UNROLL(2)
            for (int g = 0; g < PANEL_GROUPS; ++g)
                total[m][g] = fma(weights[g], set1(x[m * x_stride + column]), total[m][g]);
    }
    UNROLL(12)
    for (int m = 0; m < M; ++m)
        UNROLL(2)
        for (int g = 0; g < PANEL_GROUPS; ++g)
            if ((panel_index * PANEL_GROUPS + g) * LANES < weight.rows)
                store_rows(weight, panel_index * PANEL_GROUPS + g, total[m][g], y + m * weight.rows);
}

template <int M = TILE_TOKENS>
INLINE void tile_of(int64_t count, const Matrix& weight, int64_t panel_index, const float* panel, const float* x,
                    int64_t x_stride, float* y) {
    if (count == M) tile<M>(weight, panel_index, panel, x, x_stride, y);
    else if constexpr (M > 1) tile_of<M - 1>(count, weight, panel_index, panel, x, x_stride, y);
}

template <class D>
void many_tokens(const Matrix& weight, const Input& input, float* y) {
    const int64_t groups = groups_of(weight), panels = (groups + PANEL_GROUPS - 1) / PANEL_GROUPS;
    constexpr int64_t STRIDE = PANEL_GROUPS * LANES;
    LowRankUpdate update(weight, input);
    engine::parallel(panels, [&](int64_t index) {
        LowRankWorker worker(update);
        worker.begin(index * PANEL_GROUPS, (index + 1) * PANEL_GROUPS, 1);
        const D decoder;
        float* panel = engine::scratch_of<float>(Slot::Panel, size_t(weight.columns * STRIDE));
        for (int g = 0; g < PANEL_GROUPS; ++g) {
            const int64_t group = index * PANEL_GROUPS + g;
            const uint8_t* block = weight.data + (group < groups ? group : groups - 1) * group_bytes<D>(weight);
            for (int64_t column = 0; column < weight.columns; column += D::columns, block += D::bytes * LANES) {
                Stage<D> stage{panel + column * STRIDE + g * LANES, STRIDE, zero(), zero()};
                decoder(block, stage);
            }
        }
        for (int64_t token = 0; token < input.tokens; token += TILE_TOKENS) {
            const int64_t left = input.tokens - token;
            tile_of(left < TILE_TOKENS ? left : TILE_TOKENS, weight, index, panel, input.x + token * input.stride,
                    input.stride, y + token * weight.rows);
        }
        worker.add(0, input.tokens, y);
    });
}

engine::Form form_of(int format, Precision precision) {
    switch (format) {
        case engine::F32:
        case engine::F16:
        case engine::FP8: return engine::PLAIN;
        case engine::BF16:
            return precision != engine::FLOAT && engine::has_bfloat_products() ? engine::BFLOATS : engine::PLAIN;
        default: return precision == engine::INT8 ? engine::ONE_BYTE : engine::TWO_BYTES;
    }
}

void linear(const Matrix& weight, const Input& input, Precision precision, float* y) {
    const engine::Form form = form_of(weight.format, precision);
#if defined(__AVX512F__)
    if (form == engine::BFLOATS) return bfloat_linear(weight, input, y);
#endif
    with_decoder(weight.format, [&](const auto& decoder) {
        using D = std::decay_t<decltype(decoder)>;
        if constexpr (D::sub_columns > 0) {
            if (form == engine::ONE_BYTE) rounded_linear<D, 1>(weight, input, y);
            else rounded_linear<D, 2>(weight, input, y);
        } else if (input.tokens <= AT_ONCE) {
            few_tokens<D>(weight, input, y);
        } else {
            many_tokens<D>(weight, input, y);
        }
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
                Stage<D> stage{staged, LANES, zero(), zero()};
                decoder(block, stage);
                for (int i = 0; i < D::columns; ++i) out[index * weight.columns + column + i] = staged[i * LANES + lane];
            }
        });
    });
}

}  // namespace
