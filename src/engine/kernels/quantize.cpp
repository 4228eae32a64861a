// Floats → GGML blocks, compiled once for each instruction set. Sixteen sub-blocks are worked on side by side.
//
// The blocks are those of ggml to the last bit (ggml-quants.c, what it does without an importance matrix): a lane is a
// sub-block, and does the float operations of the scalar search in their order; where the search decides, a mask does.
// FP8 is ours: 32 codes E4M3 under a float16 scale.
#include <cmath>
#include <cstdint>
#include <cstring>

#include "api.h"
#include "pool.h"
#include "simd.h"

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed to inlined functions only

namespace {

typedef float V __attribute__((vector_size(64)));
typedef int32_t W __attribute__((vector_size(64)));  // whole numbers, and masks: −1 where true

constexpr float TINY = 1e-15f;  // a sub-block whose magnitudes stay below is zero to the symmetric searches

INLINE V all(float x) { return V{} + x; }
INLINE W bits_of(V x) { return (W)x; }
INLINE V magnitude(V x) { return (V)(bits_of(x) & 0x7fffffff); }
INLINE V smaller(V a, V b) { return b < a ? b : a; }
INLINE V larger(V a, V b) { return b > a ? b : a; }
INLINE V clamp(V x, float low, float high) { return larger(all(low), smaller(all(high), x)); }
INLINE V to_floats(W x) { return __builtin_convertvector(x, V); }
INLINE W truncated(V x) { return __builtin_convertvector(x, W); }
// To the nearest whole number, half to even. The sum's low bits hold it, up to a magnitude of 2^22.
INLINE V nearest(V x) { return to_floats((bits_of(x + 12582912.0f) & 0x7fffff) - 0x400000); }
INLINE float nearest(float x) {
    const float sum = x + 12582912.0f;
    int32_t bits;
    std::memcpy(&bits, &sum, 4);
    return float((bits & 0x7fffff) - 0x400000);
}
INLINE bool any(W mask) {
    int32_t found = 0;
    for (int lane = 0; lane < LANES; ++lane) found |= mask[lane];
    return found != 0;
}
INLINE V inverse_or_zero(V d) { return d != 0.0f ? 1.0f / d : all(0.0f); }
INLINE V rounded_to_half(V x) {
    for (int lane = 0; lane < LANES; ++lane) x[lane] = half_to_float(float_to_half(x[lane]));
    return x;
}
INLINE void put_half(uint8_t* out, float value) {
    const uint16_t half = float_to_half(value);
    std::memcpy(out, &half, 2);
}

// Codes of all lanes, lane after lane: the order of the elements.
template <int N>
struct Codes {
    uint8_t at[LANES * N];
    INLINE void put(int i, W codes) {
        for (int lane = 0; lane < LANES; ++lane) at[lane * N + i] = uint8_t(codes[lane]);
    }
    INLINE void put(const V* codes, int offset) {
        for (int i = 0; i < N; ++i) put(i, truncated(codes[i]) + offset);
    }
};

template <int N>
INLINE V signed_extreme(const V* x) {  // of the first element whose magnitude is the largest
    V most = all(0.0f), extreme = all(0.0f);
    for (int i = 0; i < N; ++i) {
        const W better = magnitude(x[i]) > most;
        most = better ? magnitude(x[i]) : most;
        extreme = better ? x[i] : extreme;
    }
    return extreme;
}

// Scale and codes −limit … limit − 1 with the least error weighted by x²: nineteen scales are tried.
template <int N>
INLINE V search_symmetric(const V* x, float limit, V* codes) {
    const V extreme = signed_extreme<N>(x);
    V best = all(0.0f), scale = all(0.0f);
    for (int attempt = 0; attempt < 19; ++attempt) {
        const int shift = attempt == 0 ? 0 : attempt <= 9 ? attempt - 10 : attempt - 9;  // 0, −9 … −1, 1 … 9
        const V factor = -(limit + 0.1f * float(shift)) / extreme;
        V tried[N], products = all(0.0f), squares = all(0.0f);
        for (int i = 0; i < N; ++i) {
            const V code = clamp(nearest(factor * x[i]), -limit, limit - 1), weight = x[i] * x[i];
            tried[i] = code;
            products += weight * x[i] * code;
            squares += weight * code * code;
        }
        const W better = attempt == 0 ? W{} - 1 : (squares > 0.0f) & (products * products > best * squares);
        const V fitted = attempt > 0 ? products / squares : squares != 0.0f ? products / squares : all(0.0f);
        scale = better ? fitted : scale;
        best = better ? fitted * products : best;
        for (int i = 0; i < N; ++i) codes[i] = better ? tried[i] : codes[i];
    }
    const W zero = magnitude(extreme) < TINY;
    for (int i = 0; i < N; ++i) codes[i] = zero ? all(-limit) : codes[i];
    return zero ? all(0.0f) : scale;
}

// As above for few codes: one start, then up to five rounds of moving single codes while that helps.
template <int N>
INLINE V search_by_moves(const V* x, float limit, V* codes) {
    const V extreme = signed_extreme<N>(x), factor = -limit / extreme;
    V products = all(0.0f), squares = all(0.0f);
    for (int i = 0; i < N; ++i) {
        const V code = clamp(nearest(factor * x[i]), -limit, limit - 1), weight = x[i] * x[i];
        codes[i] = code;
        products += weight * x[i] * code;
        squares += weight * code * code;
    }
    const W zero = magnitude(extreme) < TINY;
    W changed = ~zero;
    for (int round = 0; round < 5 && any(changed); ++round) {
        changed = W{};
        for (int i = 0; i < N; ++i) {
            const V weight = x[i] * x[i];
            V other_products = products - weight * x[i] * codes[i], other_squares = squares - weight * codes[i] * codes[i];
            const V code = clamp(nearest(x[i] * other_squares / other_products), -limit, limit - 1);
            const W possible = (other_products > 0.0f) & (code != codes[i]);
            other_products += weight * x[i] * code;
            other_squares += weight * code * code;
            const W better = ~zero & possible & (other_squares > 0.0f) &
                             (other_products * other_products * squares > products * products * other_squares);
            codes[i] = better ? code : codes[i];
            products = better ? other_products : products;
            squares = better ? other_squares : squares;
            changed |= better;
        }
    }
    for (int i = 0; i < N; ++i) codes[i] = zero ? all(-limit) : codes[i];
    return zero | ~(squares > 0.0f) ? all(0.0f) : products / squares;
}

struct Affine {
    V scale, minimum;  // value = scale * code − minimum
};

// How far the range is stretched in each attempt, and what an error is.
struct Attempts {
    float first;
    int count;
    bool absolute;
};

// Scale, minimum and codes 0 … limit with the least weighted error: for each attempt the best line through its codes.
template <int N>
INLINE Affine search_affine(const V* x, const V* weights, float limit, Attempts attempts, V* codes) {
    V low = x[0], high = x[0], weight_sum = weights[0], x_sum = weight_sum * x[0];
    for (int i = 1; i < N; ++i) {
        low = smaller(low, x[i]);
        high = larger(high, x[i]);
        weight_sum += weights[i];
        x_sum += weights[i] * x[i];
    }
    low = low > 0.0f ? all(0.0f) : low;
    const V lowest = low;
    const W constant = high == low;
    const auto error_of = [&](V difference) { return attempts.absolute ? magnitude(difference) : difference * difference; };
    V factor = limit / (high - low), scale = 1.0f / factor, best = all(0.0f);
    for (int i = 0; i < N; ++i) {
        codes[i] = clamp(nearest(factor * (x[i] - low)), 0, limit);
        best += weights[i] * error_of(scale * codes[i] + low - x[i]);
    }
    for (int attempt = 0; attempt <= attempts.count; ++attempt) {
        factor = (attempts.first + 0.1f * float(attempt) + limit) / (high - low);  // `low` moves as lines get better
        V tried[N], sum = all(0.0f), squares = all(0.0f), products = all(0.0f);
        for (int i = 0; i < N; ++i) {
            const V code = clamp(nearest(factor * (x[i] - low)), 0, limit);
            tried[i] = code;
            sum += weights[i] * code;
            squares += weights[i] * code * code;
            products += weights[i] * code * x[i];
        }
        const V determinant = weight_sum * squares - sum * sum;
        V slope = (weight_sum * products - x_sum * sum) / determinant;
        V start = (squares * x_sum - sum * products) / determinant;
        slope = start > 0.0f ? products / squares : slope;
        start = start > 0.0f ? all(0.0f) : start;
        V error = all(0.0f);
        for (int i = 0; i < N; ++i) error += weights[i] * error_of(slope * tried[i] + start - x[i]);
        const W better = (determinant > 0.0f) & (error < best);
        for (int i = 0; i < N; ++i) codes[i] = better ? tried[i] : codes[i];
        best = better ? error : best;
        scale = better ? slope : scale;
        low = better ? start : low;
    }
    for (int i = 0; i < N; ++i) codes[i] = constant ? all(0.0f) : codes[i];
    return {constant ? all(0.0f) : scale, -(constant ? lowest : low)};
}

// Codes for the scales that were stored, which are rounded themselves; a lane whose scale became zero keeps its codes.
template <int N>
INLINE void code_again(const V* x, V scale, V minimum, float low, float high, V* codes) {
    for (int i = 0; i < N; ++i)
        codes[i] = scale != 0.0f ? clamp(nearest((x[i] + minimum) / scale), low, high) : codes[i];
}

INLINE float largest_of(V x, int first, int count) {  // zero when none is positive
    float most = 0.0f;
    for (int lane = first; lane < first + count; ++lane)
        if (x[lane] > most) most = x[lane];
    return most;
}

// What a format is quantised by: `run` turns sixteen sub-blocks of N elements into 16 N / block elements blocks.
template <int FORMAT> struct Quantizer;

// Formats whose blocks are one sub-block of 32.
template <class Store>
INLINE void store_blocks(int bytes, uint8_t* out, V d, Store&& store) {
    for (int lane = 0; lane < LANES; ++lane, out += bytes) {
        put_half(out, d[lane]);
        store(lane, out + 2);
    }
}

INLINE void pack_nibbles(const uint8_t* codes, uint8_t* out) {
    for (int i = 0; i < 16; ++i) out[i] = uint8_t((codes[i] & 15) | (codes[i + 16] << 4));
}

INLINE void pack_fifth_bits(const uint8_t* codes, uint8_t* out) {
    uint32_t bits = 0;
    for (int i = 0; i < 32; ++i) bits |= uint32_t((codes[i] >> 4) & 1) << i;
    std::memcpy(out, &bits, 4);
}

// Code = x / d rounded to whole numbers around `half`, d from the element of the largest magnitude.
INLINE V code_symmetric(const V* x, float half, Codes<32>& codes) {
    const V d = signed_extreme<32>(x) / -half, inverse = inverse_or_zero(d);
    for (int i = 0; i < 32; ++i) {
        const W code = truncated(x[i] * inverse + (half + 0.5f)) & 0xff;
        const W most = W{} + int32_t(2 * half - 1);
        codes.put(i, code < most ? code : most);
    }
    return d;
}

INLINE Affine code_affine(const V* x, int limit, Codes<32>& codes) {
    V low = x[0], high = x[0];
    for (int i = 1; i < 32; ++i) {
        low = smaller(low, x[i]);
        high = larger(high, x[i]);
    }
    const V d = (high - low) / float(limit), inverse = inverse_or_zero(d);
    for (int i = 0; i < 32; ++i) {
        const W code = truncated((x[i] - low) * inverse + 0.5f) & 0xff, most = W{} + limit;
        codes.put(i, code < most ? code : most);
    }
    return {d, low};
}

template <> struct Quantizer<engine::Q4_0> {
    static constexpr int N = 32, block_elements = 32, block_bytes = 18;
    static void run(const V* x, uint8_t* out) {
        Codes<32> codes;
        const V d = code_symmetric(x, 8, codes);
        store_blocks(18, out, d, [&](int lane, uint8_t* to) { pack_nibbles(codes.at + 32 * lane, to); });
    }
};

template <> struct Quantizer<engine::Q5_0> {
    static constexpr int N = 32, block_elements = 32, block_bytes = 22;
    static void run(const V* x, uint8_t* out) {
        Codes<32> codes;
        const V d = code_symmetric(x, 16, codes);
        store_blocks(22, out, d, [&](int lane, uint8_t* to) {
            pack_fifth_bits(codes.at + 32 * lane, to);
            pack_nibbles(codes.at + 32 * lane, to + 4);
        });
    }
};

template <> struct Quantizer<engine::Q4_1> {
    static constexpr int N = 32, block_elements = 32, block_bytes = 20;
    static void run(const V* x, uint8_t* out) {
        Codes<32> codes;
        const Affine line = code_affine(x, 15, codes);
        store_blocks(20, out, line.scale, [&](int lane, uint8_t* to) {
            put_half(to, line.minimum[lane]);
            pack_nibbles(codes.at + 32 * lane, to + 2);
        });
    }
};

template <> struct Quantizer<engine::Q5_1> {
    static constexpr int N = 32, block_elements = 32, block_bytes = 24;
    static void run(const V* x, uint8_t* out) {
        Codes<32> codes;
        const Affine line = code_affine(x, 31, codes);
        store_blocks(24, out, line.scale, [&](int lane, uint8_t* to) {
            put_half(to, line.minimum[lane]);
            pack_fifth_bits(codes.at + 32 * lane, to + 2);
            pack_nibbles(codes.at + 32 * lane, to + 6);
        });
    }
};

template <> struct Quantizer<engine::Q8_0> {
    static constexpr int N = 32, block_elements = 32, block_bytes = 34;
    static void run(const V* x, uint8_t* out) {
        Codes<32> codes;
        const V d = magnitude(signed_extreme<32>(x)) / 127.0f, inverse = inverse_or_zero(d);
        for (int i = 0; i < 32; ++i) {  // half away from zero: what is added is the number below a half
            const V value = x[i] * inverse;
            codes.put(i, truncated(value + (value < 0.0f ? all(-0x1.fffffep-2f) : all(0x1.fffffep-2f))));
        }
        store_blocks(34, out, d, [&](int lane, uint8_t* to) { std::memcpy(to, codes.at + 32 * lane, 32); });
    }
};

template <> struct Quantizer<engine::FP8> {
    static constexpr int N = 32, block_elements = 32, block_bytes = 34;
    static void run(const V* x, uint8_t* out) {
        Codes<32> codes;
        const V d = rounded_to_half(magnitude(signed_extreme<32>(x)) / 448.0f), inverse = inverse_or_zero(d);
        for (int i = 0; i < 32; ++i) {
            const V value = clamp(x[i] * inverse, -448.0f, 448.0f), size = magnitude(value);
            const W bits = bits_of(size), normal = ((bits + 0x7ffff + ((bits >> 20) & 1)) >> 20) - (120 << 3);
            const W subnormal = truncated(nearest(size * 512.0f));  // below 2^-6 in steps of 2^-9
            codes.put(i, (size < 0x1p-6f ? subnormal : normal) | ((bits_of(value) >> 24) & 0x80));
        }
        store_blocks(34, out, d, [&](int lane, uint8_t* to) { std::memcpy(to, codes.at + 32 * lane, 32); });
    }
};

template <> struct Quantizer<engine::Q2_K> {
    static constexpr int N = 16, block_elements = 256, block_bytes = 84;
    static void run(const V* x, uint8_t* out) {
        V weights[N], found[N];
        for (int i = 0; i < N; ++i) weights[i] = magnitude(x[i]);
        const Affine line = search_affine<N>(x, weights, 3, {-0.5f, 15, true}, found);
        const float most_scale = largest_of(line.scale, 0, 16), most_minimum = largest_of(line.minimum, 0, 16);
        put_half(out + 80, most_scale / 15.0f);
        put_half(out + 82, most_minimum / 15.0f);
        const float d = half_to_float(float_to_half(most_scale / 15.0f));
        const float dmin = half_to_float(float_to_half(most_minimum / 15.0f));
        const V scales = most_scale > 0 ? nearest(15.0f / most_scale * line.scale) : all(0.0f);
        const V minimums = most_minimum > 0 ? nearest(15.0f / most_minimum * line.minimum) : all(0.0f);
        const W packed = truncated(scales) | (truncated(minimums) << 4);
        for (int lane = 0; lane < LANES; ++lane) out[lane] = uint8_t(packed[lane]);
        code_again<N>(x, d * to_floats(packed & 15), dmin * to_floats((packed >> 4) & 15), 0, 3, found);
        Codes<N> codes;
        codes.put(found, 0);
        for (int half = 0; half < 2; ++half)
            for (int i = 0; i < 32; ++i) {
                const uint8_t* code = codes.at + 128 * half + i;
                out[16 + 32 * half + i] = uint8_t(code[0] | (code[32] << 2) | (code[64] << 4) | (code[96] << 6));
            }
    }
};

INLINE float extreme_of_lanes(V x) {
    float most = 0.0f, extreme = 0.0f;
    for (int lane = 0; lane < LANES; ++lane)
        if (std::fabs(x[lane]) > most) {
            most = std::fabs(x[lane]);
            extreme = x[lane];
        }
    return extreme;
}

template <> struct Quantizer<engine::Q3_K> {
    static constexpr int N = 16, block_elements = 256, block_bytes = 110;
    static void run(const V* x, uint8_t* out) {
        V found[N];
        const V scale = search_by_moves<N>(x, 4, found);
        const float extreme = extreme_of_lanes(scale), factor = -32.0f / extreme;
        std::memset(out, 0, block_bytes);
        const V scales = extreme != 0 ? clamp(nearest(factor * scale), -32, 31) : all(-32.0f);
        const float d = extreme != 0 ? 1 / factor : 0.0f;
        put_half(out + 108, d);
        if (extreme != 0)
            for (int lane = 0; lane < LANES; ++lane) {
                const int code = int(scales[lane]) + 32;
                out[96 + lane % 8] |= uint8_t((code & 15) << (lane / 8 * 4));
                out[104 + lane % 4] |= uint8_t((code >> 4) << (lane / 4 * 2));
            }
        code_again<N>(x, half_to_float(float_to_half(d)) * scales, all(0.0f), -4, 3, found);
        Codes<N> codes;
        codes.put(found, 4);
        for (int i = 0; i < 256; ++i) {
            out[i % 32] |= uint8_t((codes.at[i] >> 2) << (i / 32));
            out[32 + i / 128 * 32 + i % 32] |= uint8_t((codes.at[i] & 3) << (i % 128 / 32 * 2));
        }
    }
};

// What Q4_K and Q5_K share: eight sub-blocks a block, so two blocks at once. Writes all but the codes.
template <class Store>
INLINE void run_scaled_with_minimums(const V* x, float limit, float first, int count, int bytes, uint8_t* out,
                                     Store&& store) {
    constexpr int N = 32;
    V weights[N], found[N], squares = all(0.0f);
    for (int i = 0; i < N; ++i) squares += x[i] * x[i];
    V root = squares / 32.0f;
    for (int lane = 0; lane < LANES; ++lane) root[lane] = std::sqrt(root[lane]);
    for (int i = 0; i < N; ++i) weights[i] = root + magnitude(x[i]);
    const Affine line = search_affine<N>(x, weights, limit, {first, count, false}, found);
    V scales, minimums;
    for (int block = 0; block < 2; ++block, out += bytes) {
        const float most_scale = largest_of(line.scale, 8 * block, 8);
        const float most_minimum = largest_of(line.minimum, 8 * block, 8);
        put_half(out, most_scale / 63.0f);
        put_half(out + 2, most_minimum / 63.0f);
        const float d = half_to_float(float_to_half(most_scale / 63.0f));
        const float dmin = half_to_float(float_to_half(most_minimum / 63.0f));
        const float scale_factor = most_scale > 0 ? 63.0f / most_scale : 0.0f;
        const float minimum_factor = most_minimum > 0 ? 63.0f / most_minimum : 0.0f;
        uint8_t* table = out + 4;
        for (int sub = 0; sub < 8; ++sub) {
            const int lane = 8 * block + sub;
            const int scale = uint8_t(std::fmin(63.0f, nearest(scale_factor * line.scale[lane])));
            const int minimum = uint8_t(std::fmin(63.0f, nearest(minimum_factor * line.minimum[lane])));
            if (sub < 4) {
                table[sub] = uint8_t(scale);
                table[sub + 4] = uint8_t(minimum);
            } else {
                table[sub + 4] = uint8_t((scale & 15) | (minimum << 4));
                table[sub - 4] |= uint8_t((scale >> 4) << 6);
                table[sub] |= uint8_t((minimum >> 4) << 6);
            }
            scales[lane] = d * float(scale);
            minimums[lane] = dmin * float(minimum);
        }
    }
    code_again<N>(x, scales, minimums, 0, limit, found);
    Codes<N> codes;
    codes.put(found, 0);
    out -= 2 * bytes;
    for (int block = 0; block < 2; ++block) store(codes.at + 256 * block, out + bytes * block + 16);
}

INLINE void pack_nibbles_of_64(const uint8_t* codes, uint8_t* out) {
    for (int pair = 0; pair < 4; ++pair, codes += 64, out += 32)
        for (int i = 0; i < 32; ++i) out[i] = uint8_t((codes[i] & 15) | (codes[i + 32] << 4));
}

template <> struct Quantizer<engine::Q4_K> {
    static constexpr int N = 32, block_elements = 256, block_bytes = 144;
    static void run(const V* x, uint8_t* out) {
        run_scaled_with_minimums(x, 15, -1.0f, 20, block_bytes, out, pack_nibbles_of_64);
    }
};

template <> struct Quantizer<engine::Q5_K> {
    static constexpr int N = 32, block_elements = 256, block_bytes = 176;
    static void run(const V* x, uint8_t* out) {
        run_scaled_with_minimums(x, 31, -0.5f, 15, block_bytes, out, [](const uint8_t* codes, uint8_t* to) {
            for (int i = 0; i < 32; ++i) {
                int high = 0;
                for (int sub = 0; sub < 8; ++sub) high |= (codes[32 * sub + i] >> 4) << sub;
                to[i] = uint8_t(high);
            }
            pack_nibbles_of_64(codes, to + 32);
        });
    }
};

template <> struct Quantizer<engine::Q6_K> {
    static constexpr int N = 16, block_elements = 256, block_bytes = 210;
    static void run(const V* x, uint8_t* out) {
        V found[N];
        const V scale = search_symmetric<N>(x, 32, found);
        const float extreme = extreme_of_lanes(scale);
        if (std::fabs(extreme) < TINY) {
            std::memset(out, 0, block_bytes);
            return;
        }
        const float factor = -128.0f / extreme;
        put_half(out + 208, 1 / factor);
        const V scales = smaller(all(127.0f), nearest(factor * scale));
        const W whole = truncated(scales);
        for (int lane = 0; lane < LANES; ++lane) out[192 + lane] = uint8_t(whole[lane]);
        code_again<N>(x, half_to_float(float_to_half(1 / factor)) * scales, all(0.0f), -32, 31, found);
        Codes<N> codes;
        codes.put(found, 32);
        for (int half = 0; half < 2; ++half) {
            const uint8_t* code = codes.at + 128 * half;
            for (int i = 0; i < 64; ++i) out[64 * half + i] = uint8_t((code[i] & 15) | (code[i + 64] << 4));
            for (int i = 0; i < 32; ++i) {
                int high = 0;
                for (int run = 0; run < 4; ++run) high |= (code[32 * run + i] >> 4) << (2 * run);
                out[128 + 32 * half + i] = uint8_t(high);
            }
        }
    }
};

// `count` numbers of `type` as floats, zeros behind them up to `padded`; false when one is infinite or no number.
bool to_floats(int type, const void* from, int64_t first, int count, int padded, float* to) {
    if (type == engine::F32) std::memcpy(to, (const float*)from + first, size_t(count) * sizeof(float));
    const auto* short_numbers = (const uint16_t*)from + first;
    if (type == engine::F16)
        for (int i = 0; i < count; ++i) to[i] = half_to_float(short_numbers[i]);
    if (type == engine::BF16)
        for (int i = 0; i < count; ++i) to[i] = bfloat_to_float(short_numbers[i]);
    for (int i = count; i < padded; ++i) to[i] = 0.0f;
    int32_t bad = 0;
    for (int i = 0; i < count; ++i) {
        int32_t bits;
        std::memcpy(&bits, to + i, 4);
        bad |= (bits & 0x7f800000) == 0x7f800000;
    }
    return bad == 0;
}

template <class Q>
bool quantize_all(int type, const void* from, int64_t elements, uint8_t* to) {
    constexpr int UNIT = LANES * Q::N, UNIT_BYTES = UNIT / Q::block_elements * Q::block_bytes, UNITS = 8192 / UNIT;
    const int64_t units = (elements + UNIT - 1) / UNIT;
    bool finite = true;
    engine::parallel((units + UNITS - 1) / UNITS, [&](int64_t chunk) {
        alignas(64) float values[UNIT];
        V lanes[Q::N];
        uint8_t blocks[UNIT_BYTES];
        for (int64_t unit = chunk * UNITS; unit < units && unit < (chunk + 1) * UNITS; ++unit) {
            const int64_t left = elements - unit * UNIT;
            const int count = int(left < UNIT ? left : UNIT);
            if (!to_floats(type, from, unit * UNIT, count, UNIT, values)) __atomic_store_n(&finite, false, __ATOMIC_RELAXED);
            for (int i = 0; i < Q::N; ++i)
                for (int lane = 0; lane < LANES; ++lane) lanes[i][lane] = values[lane * Q::N + i];
            Q::run(lanes, blocks);
            std::memcpy(to + unit * UNIT_BYTES, blocks, size_t(count / Q::block_elements * Q::block_bytes));
        }
    });
    return finite;
}

}  // namespace

#define JOIN(a, b) a##b
#define OF(isa) JOIN(quantize_, isa)

namespace engine {

int OF(ENGINE_ISA)(int format, int type, const void* from, int64_t elements, uint8_t* to) {
    switch (format) {
        case Q4_0: return quantize_all<Quantizer<Q4_0>>(type, from, elements, to);
        case Q4_1: return quantize_all<Quantizer<Q4_1>>(type, from, elements, to);
        case Q5_0: return quantize_all<Quantizer<Q5_0>>(type, from, elements, to);
        case Q5_1: return quantize_all<Quantizer<Q5_1>>(type, from, elements, to);
        case Q8_0: return quantize_all<Quantizer<Q8_0>>(type, from, elements, to);
        case FP8: return quantize_all<Quantizer<FP8>>(type, from, elements, to);
        case Q2_K: return quantize_all<Quantizer<Q2_K>>(type, from, elements, to);
        case Q3_K: return quantize_all<Quantizer<Q3_K>>(type, from, elements, to);
        case Q4_K: return quantize_all<Quantizer<Q4_K>>(type, from, elements, to);
        case Q5_K: return quantize_all<Quantizer<Q5_K>>(type, from, elements, to);
        case Q6_K: return quantize_all<Quantizer<Q6_K>>(type, from, elements, to);
    }
    return -1;
}

}  // namespace engine
