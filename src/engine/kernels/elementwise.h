// Normalisation, rotation and gated activations: one pass over the data each.
#pragma once
#include "api.h"
#include "pool.h"
#include "simd.h"

namespace {

constexpr int64_t ELEMENTS_A_CHUNK = 1 << 14;  // below this a second thread costs more than it brings

// Calls body(first, last) over ranges of rows, in parallel when there is enough to do.
template <class Function>
INLINE void over_rows(int64_t rows, int64_t width, Function&& body) {
    int64_t step = ELEMENTS_A_CHUNK / (width < 1 ? 1 : width);
    step = step < 1 ? 1 : step;
    engine::parallel((rows + step - 1) / step, [&](int64_t chunk) {
        const int64_t last = (chunk + 1) * step;
        body(chunk * step, last < rows ? last : rows);
    });
}

INLINE F load_some(const float* p, int64_t count) {
    if (count >= LANES) return load(p);
    float lanes[LANES] = {};
    for (int64_t i = 0; i < count; ++i) lanes[i] = p[i];
    return load(lanes);
}

INLINE void store_some(float* p, F value, int64_t count) {
    if (count >= LANES) return store(p, value);
    float lanes[LANES];
    store(lanes, value);
    for (int64_t i = 0; i < count; ++i) p[i] = lanes[i];
}

// x: (rows, groups, width), rows `row_stride` floats apart; out dense. With a residual (dense, like `sum`): sum =
// x + residual is stored and normalised instead.
void rms_norm(const float* x, const float* residual, const float* weight, float* sum_out, float* out, int64_t rows,
              int64_t groups, int64_t width, int64_t row_stride, float eps) {
    over_rows(rows, groups * width, [&](int64_t first, int64_t last) {
        for (int64_t index = first * groups; index < last * groups; ++index) {
            const float* values = x + index / groups * row_stride + index % groups * width;
            F squares = zero();
            if (residual) {
                float* total = sum_out + index * width;
                for (int64_t i = 0; i < width; i += LANES) {
                    const F both = load_some(values + i, width - i) + load_some(residual + index * width + i, width - i);
                    store_some(total + i, both, width - i);
                    squares = fma(both, both, squares);
                }
                values = total;
            } else {
                for (int64_t i = 0; i < width; i += LANES) {
                    const F value = load_some(values + i, width - i);
                    squares = fma(value, value, squares);
                }
            }
            const F factor = set1(1.0f / std::sqrt(sum(squares) / float(width) + eps));
            for (int64_t i = 0; i < width; i += LANES) {
                const F value = load_some(values + i, width - i) * factor * load_some(weight + i, width - i);
                store_some(out + index * width + i, value, width - i);
            }
        }
    });
}

// x: (tokens, heads, head_dim), tokens `x_stride` floats apart; table: (positions, 2, rotary_dim / 2), cosines then
// sines; out dense.
void rotary(const float* x, int64_t x_stride, float* out, const float* table, const int64_t* positions, int64_t tokens,
            int64_t heads, int64_t head_dim, int64_t rotary_dim) {
    const int64_t half = rotary_dim / 2;
    over_rows(tokens, heads * head_dim, [&](int64_t first, int64_t last) {
        for (int64_t token = first; token < last; ++token) {
            const float *cosine = table + positions[token] * rotary_dim, *sine = cosine + half;
            for (int64_t head = 0; head < heads; ++head) {
                const float* from = x + token * x_stride + head * head_dim;
                float* to = out + (token * heads + head) * head_dim;
                for (int64_t i = 0; i < half; i += LANES) {
                    const int64_t left = half - i;
                    const F a = load_some(from + i, left), b = load_some(from + half + i, left);
                    const F c = load_some(cosine + i, left), s = load_some(sine + i, left);
                    store_some(to + i, a * c - b * s, left);
                    store_some(to + half + i, fma(a, s, b * c), left);
                }
                for (int64_t i = rotary_dim; i < head_dim; ++i) to[i] = from[i];
            }
        }
    });
}

// gate and up: (tokens, width), tokens `stride` floats apart → out, dense. activation 0: SiLU, 1: GELU with tanh, which
// is x * sigmoid(2u) as well.
void gated(const float* gate, const float* up, int64_t stride, float* out, int64_t tokens, int64_t width,
           int activation) {
    over_rows(tokens, 2 * width, [&](int64_t first, int64_t last) {
        for (int64_t token = first; token < last; ++token) {
            for (int64_t i = 0; i < width; i += LANES) {
                const F x = load_some(gate + token * stride + i, width - i);
                F exponent = x;
                if (activation == 1) exponent = x * fma(x * x, set1(0.0713548162726f), set1(1.59576912161f));
                const F factor = set1(1.0f) / (set1(1.0f) + exponential(zero() - exponent));
                const F value = load_some(up + token * stride + i, width - i);
                store_some(out + token * width + i, x * factor * value, width - i);
            }
        }
    });
}

}  // namespace
