// How each block format is read with one weight row a lane.
//
// Sixteen rows are interleaved field by field: where the file has block b of row 0, block b of row 1, ..., memory has
// field 0 of rows 0..15, field 1 of rows 0..15, ... of block b. Sizes stay the same and no horizontal sum is needed.
// `Unit` is the size of a field; `decode` walks a block and tells a sink, sub-block by sub-block: the scale and the
// constant (value = scale * code + constant), then each column's codes.
#pragma once
#include "api.h"
#include "simd.h"

namespace {

using engine::Format;

struct Unit {
    int offset, size, count;  // bytes in the file's block; `count` fields of `size` bytes from `offset`
};

template <Format> struct Decoder;

INLINE F code_byte(I word, int byte) { return to_float(shr(word, 8 * byte) & set1(0xff)); }
INLINE F signed_byte(I word, int byte) { return to_float(sar(shl(word, 24 - 8 * byte), 24)); }
INLINE I byte_of(I word, int byte) { return shr(word, 8 * byte) & set1(0xff); }

// Plain numbers, sixteen columns at a time.
template <> struct Decoder<engine::F32> {
    static constexpr int columns = 16, bytes = 64, sum_columns = 0;
    static constexpr Unit units[] = {{0, 4, 16}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        UNROLL(16)
        for (int column = 0; column < 16; ++column) sink.plain(column, load((const float*)block + 16 * column));
    }
};

template <> struct Decoder<engine::F16> {
    static constexpr int columns = 16, bytes = 32, sum_columns = 0;
    static constexpr Unit units[] = {{0, 2, 16}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        UNROLL(16)
        for (int column = 0; column < 16; ++column) sink.plain(column, load_half(block + 32 * column));
    }
};

template <> struct Decoder<engine::BF16> {
    static constexpr int columns = 16, bytes = 32, sum_columns = 0;
    static constexpr Unit units[] = {{0, 4, 8}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        UNROLL(8)
        for (int pair = 0; pair < 8; ++pair) {
            const I both = load_int(block + 64 * pair);
            sink.plain(2 * pair, as_float(shl(both, 16)));
            sink.plain(2 * pair + 1, as_float(both & set1(int32_t(0xffff0000))));
        }
    }
};

// Four 32-bit words a row: byte i holds elements i (low nibble) and i + 16.
template <class Code, class Sink>
INLINE void nibbles_of_32(const uint8_t* words, const Code& code, Sink& sink) {
    UNROLL(4)
    for (int word = 0; word < 4; ++word) {
        const I packed = load_int(words + 64 * word);
        UNROLL(8)
        for (int i = 0; i < 8; ++i) {
            const int column = 4 * word + i / 2 + 16 * (i % 2);
            sink.code(column, code(shr(packed, 4 * i), column));
        }
    }
}

template <> struct Decoder<engine::Q4_0> {
    static constexpr int columns = 32, bytes = 18, sum_columns = 0;
    static constexpr Unit units[] = {{0, 2, 1}, {2, 4, 4}};
    Lookup16 lookup{-8.0f};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(load_half(block));
        nibbles_of_32(block + 32, [&](I code, int) { return lookup(code); }, sink);
        sink.end();
    }
};

template <> struct Decoder<engine::Q4_1> {
    static constexpr int columns = 32, bytes = 20, sum_columns = 32;
    static constexpr Unit units[] = {{0, 2, 2}, {4, 4, 4}};
    Lookup16 lookup{0.0f};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(load_half(block), load_half(block + 32), 0);
        nibbles_of_32(block + 64, [&](I code, int) { return lookup(code); }, sink);
        sink.end();
    }
};

// Fifth bit of element c is bit c of a separate word.
INLINE I with_fifth_bit(I code, I high, int column) {
    const I bit = column >= 4 ? shr(high, column - 4) : shl(high, 4 - column);
    return (code & set1(15)) | (bit & set1(16));
}

template <> struct Decoder<engine::Q5_0> {
    static constexpr int columns = 32, bytes = 22, sum_columns = 0;
    static constexpr Unit units[] = {{0, 2, 1}, {2, 4, 5}};
    Lookup32 lookup{-16.0f};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(load_half(block));
        const I high = load_int(block + 32);
        nibbles_of_32(block + 96, [&](I code, int column) { return lookup(with_fifth_bit(code, high, column)); }, sink);
        sink.end();
    }
};

template <> struct Decoder<engine::Q5_1> {
    static constexpr int columns = 32, bytes = 24, sum_columns = 32;
    static constexpr Unit units[] = {{0, 2, 2}, {4, 4, 5}};
    Lookup32 lookup{0.0f};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(load_half(block), load_half(block + 32), 0);
        const I high = load_int(block + 64);
        nibbles_of_32(block + 128, [&](I code, int column) { return lookup(with_fifth_bit(code, high, column)); }, sink);
        sink.end();
    }
};

template <> struct Decoder<engine::Q8_0> {
    static constexpr int columns = 32, bytes = 34, sum_columns = 0;
    static constexpr Unit units[] = {{0, 2, 1}, {2, 1, 32}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(load_half(block));
        UNROLL(32)
        for (int column = 0; column < 32; ++column) sink.code(column, load_int8(block + 32 + 16 * column));
        sink.end();
    }
};

template <> struct Decoder<engine::FP8> {
    static constexpr int columns = 32, bytes = 34, sum_columns = 0;
    static constexpr Unit units[] = {{0, 2, 1}, {2, 1, 32}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(load_half(block) * set1(256.0f));
        UNROLL(32)
        for (int column = 0; column < 32; ++column) sink.code(column, load_e4m3(block + 32 + 16 * column));
        sink.end();
    }
};

// 16 bytes of scale (low nibble) and minimum (high), one a run of 16; 64 bytes of 2-bit codes; d; dmin.
template <> struct Decoder<engine::Q2_K> {
    static constexpr int columns = 256, bytes = 84, sum_columns = 16;
    static constexpr Unit units[] = {{0, 4, 20}, {80, 2, 2}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const F d = load_half(block + 80 * 16), negative_minimum = zero() - load_half(block + 82 * 16);
        for (int sub = 0; sub < 16; ++sub) {
            const I scales = byte_of(load_int(block + 64 * (sub / 4)), sub % 4);
            sink.begin(d * to_float(scales & set1(15)), negative_minimum * to_float(shr(scales, 4)), sub);
            const int half = sub / 8, run = sub % 8 / 2, first_word = 4 + 8 * half + 4 * (sub % 2);
            UNROLL(4)
            for (int word = 0; word < 4; ++word) {
                const I packed = shr(load_int(block + 64 * (first_word + word)), 2 * run);
                UNROLL(4)
                for (int i = 0; i < 4; ++i)
                    sink.code(16 * sub + 4 * word + i, to_float(shr(packed, 8 * i) & set1(3)));
            }
            sink.end();
        }
    }
};

// 32 bytes of third bits (bit r of byte l: run r); 64 bytes of low bits; 12 bytes of 6-bit scales; d.
template <> struct Decoder<engine::Q3_K> {
    static constexpr int columns = 256, bytes = 110, sum_columns = 0;
    static constexpr Unit units[] = {{0, 4, 27}, {108, 2, 1}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const F d = load_half(block + 108 * 16);
        for (int sub = 0; sub < 16; ++sub) {
            const I low = shr(byte_of(load_int(block + 64 * (24 + sub % 8 / 4)), sub % 4), 4 * (sub / 8)) & set1(15);
            const I high = shr(byte_of(load_int(block + 64 * 26), sub % 4), 2 * (sub / 4)) & set1(3);
            sink.begin(d * (to_float(low | shl(high, 4)) - set1(32.0f)));
            const int half = sub / 8, run = sub % 8 / 2, word_in_run = 4 * (sub % 2);
            UNROLL(4)
            for (int word = 0; word < 4; ++word) {
                const I third = shr(load_int(block + 64 * (word_in_run + word)), 4 * half + run) & set1(0x01010101);
                const I two = shr(load_int(block + 64 * (8 + 8 * half + word_in_run + word)), 2 * run) & set1(0x03030303);
                const I codes = sub_bytes(two | shl(third, 2), set1(0x04040404));
                UNROLL(4)
                for (int i = 0; i < 4; ++i) sink.code(16 * sub + 4 * word + i, signed_byte(codes, i));
            }
            sink.end();
        }
    }
};

// The 6-bit scales and minimums of Q4_K and Q5_K: twelve bytes, here three words.
struct PackedScales {
    I first, second, third;
    F d, negative_minimum;
    explicit INLINE PackedScales(const uint8_t* block)
        : first(load_int(block + 64)), second(load_int(block + 128)), third(load_int(block + 192)),
          d(load_half(block)), negative_minimum(zero() - load_half(block + 32)) {}
    INLINE F scale(int sub) const {
        if (sub < 4) return d * to_float(shr(first, 8 * sub) & set1(63));
        const int bits = 8 * (sub - 4);
        return d * to_float((shr(third, bits) & set1(15)) | (shr(first, bits + 2) & set1(0x30)));
    }
    INLINE F minimum(int sub) const {
        if (sub < 4) return negative_minimum * to_float(shr(second, 8 * sub) & set1(63));
        const int bits = 8 * (sub - 4);
        return negative_minimum * to_float((shr(third, bits + 4) & set1(15)) | (shr(second, bits + 2) & set1(0x30)));
    }
};

template <> struct Decoder<engine::Q4_K> {
    static constexpr int columns = 256, bytes = 144, sum_columns = 32;
    static constexpr Unit units[] = {{0, 2, 2}, {4, 4, 35}};
    Lookup16 lookup{0.0f};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const PackedScales scales(block);
        UNROLL(8)
        for (int sub = 0; sub < 8; ++sub) {
            sink.begin(scales.scale(sub), scales.minimum(sub), sub);
            UNROLL(8)
            for (int word = 0; word < 8; ++word) {
                const I packed = load_int(block + 256 + 64 * (8 * (sub / 2) + word));
                UNROLL(4)
                for (int i = 0; i < 4; ++i)
                    sink.code(32 * sub + 4 * word + i, lookup(shr(packed, 8 * i + 4 * (sub % 2))));
            }
            sink.end();
        }
    }
};

template <> struct Decoder<engine::Q5_K> {
    static constexpr int columns = 256, bytes = 176, sum_columns = 32;
    static constexpr Unit units[] = {{0, 2, 2}, {4, 4, 43}};
    Lookup32 lookup{0.0f};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const PackedScales scales(block);
        UNROLL(8)
        for (int sub = 0; sub < 8; ++sub) {
            sink.begin(scales.scale(sub), scales.minimum(sub), sub);
            UNROLL(8)
            for (int word = 0; word < 8; ++word) {
                const I low = shr(load_int(block + 768 + 64 * (8 * (sub / 2) + word)), 4 * (sub % 2));
                const I high = shr(load_int(block + 256 + 64 * word), sub);
                const I codes = (low & set1(0x0f0f0f0f)) | shl(high & set1(0x01010101), 4);
                UNROLL(4)
                for (int i = 0; i < 4; ++i) sink.code(32 * sub + 4 * word + i, lookup(shr(codes, 8 * i)));
            }
            sink.end();
        }
    }
};

// 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales, d.
template <> struct Decoder<engine::Q6_K> {
    static constexpr int columns = 256, bytes = 210, sum_columns = 0;
    static constexpr Unit units[] = {{0, 4, 52}, {208, 2, 1}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const F d = load_half(block + 208 * 16);
        for (int sub = 0; sub < 16; ++sub) {
            sink.begin(d * signed_byte(load_int(block + 64 * (48 + sub / 4)), sub % 4));
            const int half = sub / 8, run = sub % 8 / 2, in_run = 4 * (sub % 2);
            UNROLL(4)
            for (int word = 0; word < 4; ++word) {
                const I low = shr(load_int(block + 64 * (16 * half + 8 * (run % 2) + in_run + word)), 4 * (run / 2));
                const I high = shr(load_int(block + 64 * (32 + 8 * half + in_run + word)), 2 * run);
                const I codes = (low & set1(0x0f0f0f0f)) | shl(high & set1(0x03030303), 4);
                const I centred = sub_bytes(codes, set1(0x20202020));
                UNROLL(4)
                for (int i = 0; i < 4; ++i) sink.code(16 * sub + 4 * word + i, signed_byte(centred, i));
            }
            sink.end();
        }
    }
};

// Calls function(Decoder<format>{}) for the format of a matrix.
template <class Function>
INLINE void with_decoder(int format, Function&& function) {
    switch (format) {
        case engine::F32: return function(Decoder<engine::F32>{});
        case engine::F16: return function(Decoder<engine::F16>{});
        case engine::BF16: return function(Decoder<engine::BF16>{});
        case engine::Q4_0: return function(Decoder<engine::Q4_0>{});
        case engine::Q4_1: return function(Decoder<engine::Q4_1>{});
        case engine::Q5_0: return function(Decoder<engine::Q5_0>{});
        case engine::Q5_1: return function(Decoder<engine::Q5_1>{});
        case engine::Q8_0: return function(Decoder<engine::Q8_0>{});
        case engine::FP8: return function(Decoder<engine::FP8>{});
        case engine::Q2_K: return function(Decoder<engine::Q2_K>{});
        case engine::Q3_K: return function(Decoder<engine::Q3_K>{});
        case engine::Q4_K: return function(Decoder<engine::Q4_K>{});
        case engine::Q5_K: return function(Decoder<engine::Q5_K>{});
        case engine::Q6_K: return function(Decoder<engine::Q6_K>{});
    }
}

}  // namespace
