// Sixteen lanes of float (F) and of 32-bit integer (I), whatever the instruction set of this translation unit.
// A lane is a row of a weight matrix, a dimension of a head or a query, depending on the kernel.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#define INLINE inline __attribute__((always_inline))
#if defined(__AVX512F__) || defined(__AVX2__)
#define PRAGMA(text) _Pragma(#text)
#define UNROLL(times) PRAGMA(GCC unroll times)
#else
#define UNROLL(times)  // lanes are loops here already
#endif

namespace {

constexpr int LANES = 16;

INLINE float half_to_float(uint16_t half) {
#if defined(__F16C__)
    return _cvtsh_ss(half);
#else
    const uint32_t sign = uint32_t(half & 0x8000) << 16, magnitude = half & 0x7fff;
    uint32_t bits = (magnitude << 13) + 0x38000000;
    if (magnitude >= 0x7c00) bits += 0x38000000;  // infinity and NaN
    float value;
    if (magnitude < 0x400) {  // zero and subnormal
        value = float(magnitude) * 0x1p-24f;
        std::memcpy(&bits, &value, 4);
    }
    bits |= sign;
    std::memcpy(&value, &bits, 4);
    return value;
#endif
}

INLINE uint16_t float_to_half(float value) {
#if defined(__F16C__)
    return _cvtss_sh(value, 0);
#else
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    const uint16_t sign = uint16_t((bits >> 16) & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) return sign | 0x7e00;
    if (bits >= 0x477ff000) return sign | 0x7c00;
    if (bits < 0x38800000) {  // subnormal result: let the float unit round it
        float magnitude;
        std::memcpy(&magnitude, &bits, 4);
        return sign | uint16_t(std::lrint(magnitude * 0x1p24f));
    }
    bits += 0xfff + ((bits >> 13) & 1);
    return sign | uint16_t((bits - 0x38000000) >> 13);
#endif
}

INLINE float bfloat_to_float(uint16_t value) {
    const uint32_t bits = uint32_t(value) << 16;
    float out;
    std::memcpy(&out, &bits, 4);
    return out;
}

INLINE uint16_t float_to_bfloat(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    if ((bits & 0x7fffffff) > 0x7f800000) return uint16_t((bits >> 16) | 0x40);
    return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

#if defined(__AVX512F__)

struct F { __m512 v; };
struct I { __m512i v; };

INLINE F zero() { return {_mm512_setzero_ps()}; }
INLINE F set1(float x) { return {_mm512_set1_ps(x)}; }
INLINE F load(const float* p) { return {_mm512_loadu_ps(p)}; }
INLINE void store(float* p, F x) { _mm512_storeu_ps(p, x.v); }
INLINE F operator+(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
INLINE F operator-(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
INLINE F operator*(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
INLINE F operator/(F a, F b) { return {_mm512_div_ps(a.v, b.v)}; }
INLINE F fma(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
INLINE F max(F a, F b) { return {_mm512_max_ps(a.v, b.v)}; }
INLINE F min(F a, F b) { return {_mm512_min_ps(a.v, b.v)}; }
INLINE F round(F a) { return {_mm512_roundscale_ps(a.v, 0)}; }
INLINE float sum(F a) { return _mm512_reduce_add_ps(a.v); }
INLINE float largest(F a) { return _mm512_reduce_max_ps(a.v); }
// Lane i of the result is the sum of the lanes of x[i].
INLINE F sum_each(const F* x) {
    __m512 fours[4];
    UNROLL(4)
    for (int i = 0; i < 4; ++i) {
        const auto both = [](__m512 a, __m512 b) { return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)); };
        const __m512d low = _mm512_castps_pd(both(x[4 * i].v, x[4 * i + 1].v));
        const __m512d high = _mm512_castps_pd(both(x[4 * i + 2].v, x[4 * i + 3].v));
        fours[i] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(low, high)), _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)));
    }
    const auto halves = [](__m512 a, __m512 b) {
        return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    };
    const __m512 first = halves(fours[0], fours[1]), second = halves(fours[2], fours[3]);
    return {_mm512_add_ps(_mm512_shuffle_f32x4(first, second, 0x88), _mm512_shuffle_f32x4(first, second, 0xdd))};
}
INLINE F power_of_two(F n) { return {_mm512_scalef_ps(_mm512_set1_ps(1.0f), n.v)}; }  // n whole

INLINE I load_int(const void* p) { return {_mm512_loadu_si512(p)}; }
INLINE I set1(int32_t x) { return {_mm512_set1_epi32(x)}; }
INLINE I shr(I a, int bits) { return {_mm512_srli_epi32(a.v, bits)}; }
INLINE I shl(I a, int bits) { return {_mm512_slli_epi32(a.v, bits)}; }
INLINE I sar(I a, int bits) { return {_mm512_srai_epi32(a.v, bits)}; }
INLINE I operator&(I a, I b) { return {_mm512_and_si512(a.v, b.v)}; }
INLINE I operator|(I a, I b) { return {_mm512_or_si512(a.v, b.v)}; }
INLINE I operator^(I a, I b) { return {_mm512_xor_si512(a.v, b.v)}; }
INLINE I add_int(I a, I b) { return {_mm512_add_epi32(a.v, b.v)}; }
INLINE I sub_int(I a, I b) { return {_mm512_sub_epi32(a.v, b.v)}; }
INLINE I max_int(I a, I b) { return {_mm512_max_epi32(a.v, b.v)}; }
INLINE int32_t largest(I a) { return _mm512_reduce_max_epi32(a.v); }
INLINE I nearest(F a) { return {_mm512_cvtps_epi32(a.v)}; }
INLINE void store_bytes(void* p, I a) { _mm_storeu_si128((__m128i*)p, _mm512_cvtepi32_epi8(a.v)); }  // the low ones
INLINE int32_t sum(I a) { return _mm512_reduce_add_epi32(a.v); }
INLINE I bits_of(F a) { return {_mm512_castps_si512(a.v)}; }
INLINE F to_float(I a) { return {_mm512_cvtepi32_ps(a.v)}; }
INLINE F as_float(I a) { return {_mm512_castsi512_ps(a.v)}; }
INLINE F load_half(const void* p) { return {_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p))}; }
INLINE F load_bfloat(const void* p) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)), 16))};
}
// Codes E4M3 over 256: read as halves, whose exponent starts eight lower.
INLINE F load_e4m3(const void* p) {
    const __m256i codes = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)p));
    const __m256i magnitudes = _mm256_and_si256(_mm256_slli_epi16(codes, 7), _mm256_set1_epi16(0x3f80));
    const __m256i signs = _mm256_and_si256(codes, _mm256_set1_epi16(int16_t(0x8000)));
    return {_mm512_cvtph_ps(_mm256_or_si256(signs, magnitudes))};
}
INLINE void store_half(void* p, F x) { _mm256_storeu_si256((__m256i*)p, _mm512_cvtps_ph(x.v, 0)); }
INLINE void store_upper_halves(void* p, I a) {
    _mm256_storeu_si256((__m256i*)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(a.v, 16)));
}

// acc + the four products of unsigned bytes of `codes` and signed bytes of `values`, lane by lane.
INLINE I dot4(I acc, I codes, I values) { return {_mm512_dpbusd_epi32(acc.v, codes.v, values.v)}; }

#else

#if defined(__AVX2__)

struct F { __m256 a, b; };
struct I { __m256i a, b; };

INLINE F zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
INLINE F set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
INLINE F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
INLINE void store(float* p, F x) { _mm256_storeu_ps(p, x.a), _mm256_storeu_ps(p + 8, x.b); }
INLINE F operator+(F x, F y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
INLINE F operator-(F x, F y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
INLINE F operator*(F x, F y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
INLINE F operator/(F x, F y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
INLINE F fma(F x, F y, F z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
INLINE F max(F x, F y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
INLINE F min(F x, F y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
INLINE F round(F x) { return {_mm256_round_ps(x.a, 0), _mm256_round_ps(x.b, 0)}; }
INLINE F power_of_two(F n) {  // n whole, −126 … 127
    const auto bits = [](__m256 x) {
        return _mm256_castsi256_ps(
            _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(x), _mm256_set1_epi32(127)), 23));
    };
    return {bits(n.a), bits(n.b)};
}
INLINE float sum(F x) {
    const __m256 eight = _mm256_add_ps(x.a, x.b);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}
INLINE float largest(F x) {
    const __m256 eight = _mm256_max_ps(x.a, x.b);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
}

INLINE I load_int(const void* p) {
    return {_mm256_loadu_si256((const __m256i*)p), _mm256_loadu_si256((const __m256i*)p + 1)};
}
INLINE I set1(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
INLINE I shr(I x, int bits) { return {_mm256_srli_epi32(x.a, bits), _mm256_srli_epi32(x.b, bits)}; }
INLINE I shl(I x, int bits) { return {_mm256_slli_epi32(x.a, bits), _mm256_slli_epi32(x.b, bits)}; }
INLINE I sar(I x, int bits) { return {_mm256_srai_epi32(x.a, bits), _mm256_srai_epi32(x.b, bits)}; }
INLINE I operator&(I x, I y) { return {_mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b)}; }
INLINE I operator|(I x, I y) { return {_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)}; }
INLINE I operator^(I x, I y) { return {_mm256_xor_si256(x.a, y.a), _mm256_xor_si256(x.b, y.b)}; }
INLINE I add_int(I x, I y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
INLINE I sub_int(I x, I y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
INLINE I max_int(I x, I y) { return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)}; }
INLINE I nearest(F x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
INLINE void store_bytes(void* p, I x) {  // of values that fit a signed byte
    const __m256i pairs = _mm256_packs_epi32(x.a, x.b);  // within halves of 128 bits
    const __m256i bytes = _mm256_packs_epi16(pairs, pairs);
    _mm_storeu_si128((__m128i*)p, _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(
                                      bytes, _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5))));
}
INLINE int32_t fold(__m128i four, bool largest) {
    const auto both = [&](__m128i x, __m128i y) { return largest ? _mm_max_epi32(x, y) : _mm_add_epi32(x, y); };
    four = both(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(both(four, _mm_shuffle_epi32(four, 0xb1)));
}
INLINE int32_t sum(I x) {
    const __m256i eight = _mm256_add_epi32(x.a, x.b);
    return fold(_mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1)), false);
}
INLINE int32_t largest(I x) {
    const __m256i eight = _mm256_max_epi32(x.a, x.b);
    return fold(_mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1)), true);
}
INLINE __m256i dot4_half(__m256i acc, __m256i codes, __m256i values) {
#if defined(__AVXVNNI__)
    return _mm256_dpbusd_avx_epi32(acc, codes, values);
#else  // even and odd bytes as 16-bit pairs: nothing saturates
    const __m256i bytes = _mm256_set1_epi16(0xff);
    const __m256i even = _mm256_madd_epi16(_mm256_and_si256(codes, bytes), _mm256_srai_epi16(_mm256_slli_epi16(values, 8), 8));
    const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(codes, 8), _mm256_srai_epi16(values, 8));
    return _mm256_add_epi32(acc, _mm256_add_epi32(even, odd));
#endif
}
// acc + the four products of unsigned bytes of `codes` and signed bytes of `values`, lane by lane.
INLINE I dot4(I acc, I codes, I values) {
    return {dot4_half(acc.a, codes.a, values.a), dot4_half(acc.b, codes.b, values.b)};
}
INLINE I bits_of(F x) { return {_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)}; }
INLINE F to_float(I x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
INLINE F as_float(I x) { return {_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)}; }
INLINE F load_half(const void* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p + 1))};
}
INLINE F load_bfloat(const void* p) {
    const auto widen = [](__m128i x) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
    };
    return {widen(_mm_loadu_si128((const __m128i*)p)), widen(_mm_loadu_si128((const __m128i*)p + 1))};
}
INLINE F load_e4m3(const void* p) {
    const __m256i codes = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)p));
    const __m256i magnitudes = _mm256_and_si256(_mm256_slli_epi16(codes, 7), _mm256_set1_epi16(0x3f80));
    const __m256i halves = _mm256_or_si256(magnitudes, _mm256_and_si256(codes, _mm256_set1_epi16(int16_t(0x8000))));
    return {_mm256_cvtph_ps(_mm256_castsi256_si128(halves)), _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1))};
}
INLINE void store_half(void* p, F x) {
    _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph(x.a, 0));
    _mm_storeu_si128((__m128i*)p + 1, _mm256_cvtps_ph(x.b, 0));
}
INLINE void store_upper_halves(void* p, I x) {
    const __m256i packed = _mm256_packus_epi32(_mm256_srli_epi32(x.a, 16), _mm256_srli_epi32(x.b, 16));
    _mm256_storeu_si256((__m256i*)p, _mm256_permute4x64_epi64(packed, 0xd8));
}

#else

struct F { float v[16]; };
struct I { int32_t v[16]; };

template <class Out, class Function>
INLINE Out each(Function&& function) {
    Out out;
    for (int i = 0; i < LANES; ++i) out.v[i] = function(i);
    return out;
}
INLINE F set1(float x) { return each<F>([&](int) { return x; }); }
INLINE F zero() { return set1(0.0f); }
INLINE F load(const float* p) { return each<F>([&](int i) { return p[i]; }); }
INLINE void store(float* p, F x) { std::memcpy(p, x.v, sizeof x.v); }
INLINE F operator+(const F& x, const F& y) { return each<F>([&](int i) { return x.v[i] + y.v[i]; }); }
INLINE F operator-(const F& x, const F& y) { return each<F>([&](int i) { return x.v[i] - y.v[i]; }); }
INLINE F operator*(const F& x, const F& y) { return each<F>([&](int i) { return x.v[i] * y.v[i]; }); }
INLINE F operator/(const F& x, const F& y) { return each<F>([&](int i) { return x.v[i] / y.v[i]; }); }
INLINE F fma(const F& x, const F& y, const F& z) { return each<F>([&](int i) { return x.v[i] * y.v[i] + z.v[i]; }); }
INLINE F max(const F& x, const F& y) { return each<F>([&](int i) { return x.v[i] > y.v[i] ? x.v[i] : y.v[i]; }); }
INLINE F min(const F& x, const F& y) { return each<F>([&](int i) { return x.v[i] < y.v[i] ? x.v[i] : y.v[i]; }); }
INLINE F round(const F& x) { return each<F>([&](int i) { return std::nearbyint(x.v[i]); }); }
INLINE F power_of_two(const F& n) { return each<F>([&](int i) { return std::ldexp(1.0f, int(n.v[i])); }); }
INLINE float sum(const F& x) {
    float total = 0;
    for (float value : x.v) total += value;
    return total;
}
INLINE float largest(const F& x) {
    float most = x.v[0];
    for (float value : x.v) most = value > most ? value : most;
    return most;
}

INLINE I load_int(const void* p) {
    I out;
    std::memcpy(out.v, p, sizeof out.v);
    return out;
}
INLINE I set1(int32_t x) { return each<I>([&](int) { return x; }); }
INLINE I shr(const I& x, int bits) { return each<I>([&](int i) { return int32_t(uint32_t(x.v[i]) >> bits); }); }
INLINE I shl(const I& x, int bits) { return each<I>([&](int i) { return int32_t(uint32_t(x.v[i]) << bits); }); }
INLINE I sar(const I& x, int bits) { return each<I>([&](int i) { return x.v[i] >> bits; }); }
INLINE I operator&(const I& x, const I& y) { return each<I>([&](int i) { return x.v[i] & y.v[i]; }); }
INLINE I operator|(const I& x, const I& y) { return each<I>([&](int i) { return x.v[i] | y.v[i]; }); }
INLINE I operator^(const I& x, const I& y) { return each<I>([&](int i) { return x.v[i] ^ y.v[i]; }); }
INLINE I add_int(const I& x, const I& y) {
    return each<I>([&](int i) { return int32_t(uint32_t(x.v[i]) + uint32_t(y.v[i])); });
}
INLINE I sub_int(const I& x, const I& y) { return each<I>([&](int i) { return x.v[i] - y.v[i]; }); }
INLINE I max_int(const I& x, const I& y) { return each<I>([&](int i) { return x.v[i] > y.v[i] ? x.v[i] : y.v[i]; }); }
INLINE I nearest(const F& x) { return each<I>([&](int i) { return int32_t(std::nearbyint(x.v[i])); }); }
INLINE void store_bytes(void* p, const I& x) {
    for (int i = 0; i < LANES; ++i) ((int8_t*)p)[i] = int8_t(x.v[i]);
}
INLINE int32_t sum(const I& x) {
    int32_t total = 0;
    for (int32_t value : x.v) total += value;
    return total;
}
INLINE int32_t largest(const I& x) {
    int32_t most = x.v[0];
    for (int32_t value : x.v) most = value > most ? value : most;
    return most;
}
INLINE I dot4(const I& acc, const I& codes, const I& values) {
    return each<I>([&](int i) {
        int32_t total = acc.v[i];
        for (int byte = 0; byte < 32; byte += 8)
            total += int32_t(uint8_t(uint32_t(codes.v[i]) >> byte)) * int8_t(uint32_t(values.v[i]) >> byte);
        return total;
    });
}
INLINE I bits_of(const F& x) {
    I out;
    std::memcpy(out.v, x.v, sizeof out.v);
    return out;
}
INLINE F to_float(const I& x) { return each<F>([&](int i) { return float(x.v[i]); }); }
INLINE F as_float(const I& x) {
    F out;
    std::memcpy(out.v, x.v, sizeof out.v);
    return out;
}
INLINE F load_half(const void* p) { return each<F>([&](int i) { return half_to_float(((const uint16_t*)p)[i]); }); }
INLINE F load_bfloat(const void* p) { return each<F>([&](int i) { return bfloat_to_float(((const uint16_t*)p)[i]); }); }
INLINE F load_e4m3(const void* p) {
    return each<F>([&](int i) {
        const int code = ((const int8_t*)p)[i];
        return half_to_float(uint16_t((code & 0x8000) | ((code & 0x7f) << 7)));
    });
}
INLINE void store_half(void* p, const F& x) {
    for (int i = 0; i < LANES; ++i) ((uint16_t*)p)[i] = float_to_half(x.v[i]);
}
INLINE void store_upper_halves(void* p, const I& x) {
    for (int i = 0; i < LANES; ++i) ((uint16_t*)p)[i] = uint16_t(uint32_t(x.v[i]) >> 16);
}

#endif

#endif

#if !defined(__AVX512F__)
// Lane i of the result is the sum of the lanes of x[i].
INLINE F sum_each(const F* x) {
    float sums[LANES];
    for (int i = 0; i < LANES; ++i) sums[i] = sum(x[i]);
    return load(sums);
}
#endif

INLINE I set1_word(const void* p) {
    int32_t word;
    std::memcpy(&word, p, 4);
    return set1(word);
}

// The upper 16 bits of each lane are the nearest bfloat.
INLINE I rounded_bfloat(F x) {
    const I bits = bits_of(x);
    return add_int(bits, add_int(set1(0x7fff), shr(bits, 16) & set1(1)));
}
INLINE void store_bfloat(void* p, F x) { store_upper_halves(p, rounded_bfloat(x)); }

// Codes E4M3, rounded to nearest even; what is beyond the largest number, 448, or is none becomes that.
INLINE void store_e4m3(void* p, F x) {
    const I bits = bits_of(x);
    const F magnitude = min(as_float(bits & set1(0x7fffffff)), set1(448.0f));
    // Adding a power of two so much larger leaves three bits behind the point, fewer below 2^-6: steps of 2^-9.
    const I exponent = max_int(bits_of(magnitude) & set1(0x7f800000), set1(121 << 23));
    const F much = as_float(add_int(exponent, set1(20 << 23)));
    const F nearest_one = (magnitude + much) - much;
    const I normal = sub_int(shr(bits_of(nearest_one), 20), set1(120 << 3));
    const I subnormal = nearest(min(nearest_one * set1(512.0f), set1(8.0f)));  // the larger one where that is right
    store_bytes(p, max_int(normal, subnormal) | (sar(bits, 31) & set1(-128)));
}

// e^x with a relative error below 1e-6; 0 below −87, finite up to 88.
INLINE F exponential(F x) {
    x = max(min(x, set1(88.0f)), set1(-87.3f));
    const F n = round(x * set1(1.44269504089f));
    F r = fma(n, set1(-0.693359375f), x);
    r = fma(n, set1(2.12194440e-4f), r);
    F p = set1(1.9875691500e-4f);
    p = fma(p, r, set1(1.3981999507e-3f));
    p = fma(p, r, set1(8.3334519073e-3f));
    p = fma(p, r, set1(4.1665795894e-2f));
    p = fma(p, r, set1(1.6666665459e-1f));
    p = fma(p, r, set1(5.0000001201e-1f));
    p = fma(p, r * r, r + set1(1.0f));
    return p * power_of_two(n);
}

INLINE F hyperbolic_tangent(F x) {
    x = max(min(x, set1(15.0f)), set1(-15.0f));
    const F e = exponential(x + x);
    return (e - set1(1.0f)) / (e + set1(1.0f));
}

}  // namespace
