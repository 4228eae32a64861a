// How each block format is read with one weight row a lane.
//
// Sixteen rows are interleaved field by field: where the file has block b of row 0, block b of row 1, ..., memory has
// field 0 of rows 0..15, field 1 of rows 0..15, ... of block b. Sizes stay the same and no horizontal sum is needed.
// `Unit` is the size of a field.
//
// A decoder walks a block and tells a sink, sub-block by sub-block: `begin` with the scale and, for formats that have
// one, the constant; `word` with the codes of four columns, one a byte; `end`. A weight is
// scale * (code - 2^offset_bits) + constant, without the offset where offset_bits is 0. Plain numbers go to `plain`.
#pragma once
#include "api.h"
#include "simd.h"

namespace {

using engine::Format;

struct Unit {
    int offset, size, count;  // bytes in the file's block; `count` fields of `size` bytes from `offset`
};

template <Format> struct Decoder;

INLINE F signed_byte(I word, int byte) { return to_float(sar(shl(word, 24 - 8 * byte), 24)); }
INLINE I byte_of(I word, int byte) { return shr(word, 8 * byte) & set1(0xff); }
INLINE I low_nibbles(I word) { return word & set1(0x0f0f0f0f); }

// Plain numbers, sixteen columns at a time.
template <> struct Decoder<engine::F32> {
    static constexpr int columns = 16, bytes = 64, sub_columns = 0, offset_bits = 0;
    static constexpr bool has_constant = false;
    static constexpr Unit units[] = {{0, 4, 16}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        UNROLL(16)
        for (int column = 0; column < 16; ++column) sink.plain(column, load((const float*)block + 16 * column));
    }
};

template <> struct Decoder<engine::F16> {
    static constexpr int columns = 16, bytes = 32, sub_columns = 0, offset_bits = 0;
    static constexpr bool has_constant = false;
    static constexpr Unit units[] = {{0, 2, 16}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        UNROLL(16)
        for (int column = 0; column < 16; ++column) sink.plain(column, load_half(block + 32 * column));
    }
};

template <> struct Decoder<engine::BF16> {
    static constexpr int columns = 16, bytes = 32, sub_columns = 0, offset_bits = 0;
    static constexpr bool has_constant = false;
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

// Four 32-bit words a row: byte i holds elements i (low nibble) and i + 16. high(nibbles, column) adds what else there is.
template <class Sink, class High>
INLINE void nibbles_of_32(const uint8_t* words, Sink& sink, High&& high) {
    UNROLL(4)
    for (int word = 0; word < 4; ++word) {
        const I packed = load_int(words + 64 * word);
        sink.word(4 * word, high(low_nibbles(packed), 4 * word));
        sink.word(4 * word + 16, high(low_nibbles(shr(packed, 4)), 4 * word + 16));
    }
    sink.end();
}

template <> struct Decoder<engine::Q4_0> {
    static constexpr int columns = 32, bytes = 18, sub_columns = 32, offset_bits = 3;
    static constexpr bool has_constant = false;
    static constexpr Unit units[] = {{0, 2, 1}, {2, 4, 4}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(0, load_half(block));
        nibbles_of_32(block + 32, sink, [](I codes, int) { return codes; });
    }
};

template <> struct Decoder<engine::Q4_1> {
    static constexpr int columns = 32, bytes = 20, sub_columns = 32, offset_bits = 0;
    static constexpr bool has_constant = true;
    static constexpr Unit units[] = {{0, 2, 2}, {4, 4, 4}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(0, load_half(block), load_half(block + 32));
        nibbles_of_32(block + 64, sink, [](I codes, int) { return codes; });
    }
};

// Bit c of `high` becomes bit 4 of column c: four bits are spread over the four bytes of a word.
INLINE I with_fifth_bits(I codes, I high, int column) {
    const I four = shr(high, column);
    const I spread = (shl(four, 4) & set1(0x10)) | (shl(four, 11) & set1(0x1000)) | (shl(four, 18) & set1(0x100000)) |
                     (shl(four, 25) & set1(0x10000000));
    return codes | spread;
}

template <> struct Decoder<engine::Q5_0> {
    static constexpr int columns = 32, bytes = 22, sub_columns = 32, offset_bits = 4;
    static constexpr bool has_constant = false;
    static constexpr Unit units[] = {{0, 2, 1}, {2, 4, 5}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(0, load_half(block));
        const I high = load_int(block + 32);
        nibbles_of_32(block + 96, sink, [&](I codes, int column) { return with_fifth_bits(codes, high, column); });
    }
};

template <> struct Decoder<engine::Q5_1> {
    static constexpr int columns = 32, bytes = 24, sub_columns = 32, offset_bits = 0;
    static constexpr bool has_constant = true;
    static constexpr Unit units[] = {{0, 2, 2}, {4, 4, 5}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(0, load_half(block), load_half(block + 32));
        const I high = load_int(block + 64);
        nibbles_of_32(block + 128, sink, [&](I codes, int column) { return with_fifth_bits(codes, high, column); });
    }
};

template <> struct Decoder<engine::Q8_0> {
    static constexpr int columns = 32, bytes = 34, sub_columns = 32, offset_bits = 7;
    static constexpr bool has_constant = false;
    static constexpr Unit units[] = {{0, 2, 1}, {2, 4, 8}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        sink.begin(0, load_half(block));
        UNROLL(8)
        for (int word = 0; word < 8; ++word)
            sink.word(4 * word, load_int(block + 32 + 64 * word) ^ set1(int32_t(0x80808080)));
        sink.end();
    }
};

template <> struct Decoder<engine::FP8> {
    static constexpr int columns = 32, bytes = 34, sub_columns = 0, offset_bits = 0;
    static constexpr bool has_constant = false;
    static constexpr Unit units[] = {{0, 2, 1}, {2, 1, 32}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const F scale = load_half(block) * set1(256.0f);
        UNROLL(32)
        for (int column = 0; column < 32; ++column) sink.plain(column, scale * load_e4m3(block + 32 + 16 * column));
    }
};

// 16 bytes of scale (low nibble) and minimum (high), one a run of 16; 64 bytes of 2-bit codes; d; dmin.
template <> struct Decoder<engine::Q2_K> {
    static constexpr int columns = 256, bytes = 84, sub_columns = 16, offset_bits = 0;
    static constexpr bool has_constant = true;
    static constexpr Unit units[] = {{0, 4, 20}, {80, 2, 2}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const F d = load_half(block + 80 * 16), negative_minimum = zero() - load_half(block + 82 * 16);
        for (int sub = 0; sub < 16; ++sub) {
            const I scales = byte_of(load_int(block + 64 * (sub / 4)), sub % 4);
            sink.begin(sub, d * to_float(scales & set1(15)), negative_minimum * to_float(shr(scales, 4)));
            const int half = sub / 8, run = sub % 8 / 2, first_word = 4 + 8 * half + 4 * (sub % 2);
            UNROLL(4)
            for (int word = 0; word < 4; ++word) {
                const I packed = shr(load_int(block + 64 * (first_word + word)), 2 * run);
                sink.word(16 * sub + 4 * word, packed & set1(0x03030303));
            }
            sink.end();
        }
    }
};

// 32 bytes of third bits (bit r of byte l: run r); 64 bytes of low bits; 12 bytes of 6-bit scales; d.
template <> struct Decoder<engine::Q3_K> {
    static constexpr int columns = 256, bytes = 110, sub_columns = 16, offset_bits = 2;
    static constexpr bool has_constant = false;
    static constexpr Unit units[] = {{0, 4, 27}, {108, 2, 1}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const F d = load_half(block + 108 * 16);
        for (int sub = 0; sub < 16; ++sub) {
            const I low = shr(byte_of(load_int(block + 64 * (24 + sub % 8 / 4)), sub % 4), 4 * (sub / 8)) & set1(15);
            const I high = shr(byte_of(load_int(block + 64 * 26), sub % 4), 2 * (sub / 4)) & set1(3);
            sink.begin(sub, d * (to_float(low | shl(high, 4)) - set1(32.0f)));
            const int half = sub / 8, run = sub % 8 / 2, word_in_run = 4 * (sub % 2);
            UNROLL(4)
            for (int word = 0; word < 4; ++word) {
                const I third = shr(load_int(block + 64 * (word_in_run + word)), 4 * half + run) & set1(0x01010101);
                const I two = shr(load_int(block + 64 * (8 + 8 * half + word_in_run + word)), 2 * run) & set1(0x03030303);
                sink.word(16 * sub + 4 * word, two | shl(third, 2));
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
    static constexpr int columns = 256, bytes = 144, sub_columns = 32, offset_bits = 0;
    static constexpr bool has_constant = true;
    static constexpr Unit units[] = {{0, 2, 2}, {4, 4, 35}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const PackedScales scales(block);
        UNROLL(8)
        for (int sub = 0; sub < 8; ++sub) {
            sink.begin(sub, scales.scale(sub), scales.minimum(sub));
            UNROLL(8)
            for (int word = 0; word < 8; ++word) {
                const I packed = load_int(block + 256 + 64 * (8 * (sub / 2) + word));
                sink.word(32 * sub + 4 * word, low_nibbles(shr(packed, 4 * (sub % 2))));
            }
            sink.end();
        }
    }
};

template <> struct Decoder<engine::Q5_K> {
    static constexpr int columns = 256, bytes = 176, sub_columns = 32, offset_bits = 0;
    static constexpr bool has_constant = true;
    static constexpr Unit units[] = {{0, 2, 2}, {4, 4, 43}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const PackedScales scales(block);
        UNROLL(8)
        for (int sub = 0; sub < 8; ++sub) {
            sink.begin(sub, scales.scale(sub), scales.minimum(sub));
            UNROLL(8)
            for (int word = 0; word < 8; ++word) {
                const I low = shr(load_int(block + 768 + 64 * (8 * (sub / 2) + word)), 4 * (sub % 2));
                const I high = shr(load_int(block + 256 + 64 * word), sub);
                sink.word(32 * sub + 4 * word, low_nibbles(low) | shl(high & set1(0x01010101), 4));
            }
            sink.end();
        }
    }
};

// 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales, d.
template <> struct Decoder<engine::Q6_K> {
    static constexpr int columns = 256, bytes = 210, sub_columns = 16, offset_bits = 5;
    static constexpr bool has_constant = false;
    static constexpr Unit units[] = {{0, 4, 52}, {208, 2, 1}};
    template <class Sink> INLINE void operator()(const uint8_t* block, Sink& sink) const {
        const F d = load_half(block + 208 * 16);
        for (int sub = 0; sub < 16; ++sub) {
            sink.begin(sub, d * signed_byte(load_int(block + 64 * (48 + sub / 4)), sub % 4));
            const int half = sub / 8, run = sub % 8 / 2, in_run = 4 * (sub % 2);
            UNROLL(4)
            for (int word = 0; word < 4; ++word) {
                const I low = shr(load_int(block + 64 * (16 * half + 8 * (run % 2) + in_run + word)), 4 * (run / 2));
                const I high = shr(load_int(block + 64 * (32 + 8 * half + in_run + word)), 2 * run);
                sink.word(16 * sub + 4 * word, low_nibbles(low) | shl(high & set1(0x03030303), 4));
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
