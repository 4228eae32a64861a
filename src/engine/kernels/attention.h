// Attention over the paged cache. Keys are taken in tiles of TILE_KEYS, turned to floats once for all the query heads
// that share them, with a running maximum and sum (the streaming softmax), so no score matrix exists.
//
// Few rows (a decode: the heads of one group): lanes are dimensions, and a long context is split every SPLIT_KEYS
// positions, whatever the batch and the number of threads.
// Many rows (a prefill chunk): lanes are rows = (token, head) pairs, up to 48 at once.
#pragma once
#include "elementwise.h"
#include "rounded.h"

namespace {

using engine::Attention;

constexpr int64_t TILE_KEYS = 32, SPLIT_KEYS = 128, FEW_ROWS = 10;
constexpr float UNSEEN = -1e30f;  // below every score; finite, so that differences stay numbers
#if defined(__AVX512F__)
constexpr int ROW_GROUPS = 3, BLOCK = 8;  // BLOCK * ROW_GROUPS sums stay in registers
#else
constexpr int ROW_GROUPS = 1, BLOCK = 4;
#endif
constexpr int MAX_ROWS = ROW_GROUPS * LANES;

INLINE int64_t padded(int64_t dim) { return (dim + LANES - 1) / LANES * LANES; }

struct Work {
    int64_t sequence, kv_head, kv_heads;           // KV heads [kv_head, kv_head + kv_heads); several: of one token
    int64_t first_head, heads;                     // query heads [first_head, first_head + heads)
    int64_t first_token, tokens;                   // tokens of the step
    int64_t first_key, last_key;                   // context positions [first_key, last_key)
    float* partial;                                // (rows, padded dim + 2) to combine later, or null: write the result
    int64_t rows() const { return tokens * heads; }
};

INLINE int64_t element_bytes(int format) { return format == engine::F32 ? 4 : format == engine::F8E4M3 ? 1 : 2; }

template <int FORMAT>
struct Cached {
    static constexpr int FORM = FORMAT;
};

// Calls body(Cached<FORMAT>) for the format of a cache.
template <class Function>
INLINE void with_format(int format, Function&& body) {
    if (format == engine::F32) body(Cached<engine::F32>{});
    else if (format == engine::F16) body(Cached<engine::F16>{});
    else if (format == engine::BF16) body(Cached<engine::BF16>{});
    else body(Cached<engine::F8E4M3>{});
}

// Sixteen numbers of a cache row, from number i on.
template <int FORMAT>
INLINE F load_cached(const uint8_t* row, int64_t i) {
    if constexpr (FORMAT == engine::F32) return load((const float*)row + i);
    else if constexpr (FORMAT == engine::F16) return load_half((const uint16_t*)row + i);
    else if constexpr (FORMAT == engine::BF16) return load_bfloat((const uint16_t*)row + i);
    else return load_e4m3(row + i) * set1(256.0f);
}

template <int FORMAT>
INLINE void store_cached(uint8_t* row, int64_t i, F x) {
    if constexpr (FORMAT == engine::F32) store((float*)row + i, x);
    else if constexpr (FORMAT == engine::F16) store_half((uint16_t*)row + i, x);
    else if constexpr (FORMAT == engine::BF16) store_bfloat((uint16_t*)row + i, x);
    else store_e4m3(row + i, x);
}

INLINE uint8_t* cache_row(const Attention& a, int which, int64_t block, int64_t kv_head, int64_t offset) {
    const int64_t row = ((which * a.blocks + block) * a.kv_heads + kv_head) * a.block_size + offset;
    return (uint8_t*)a.cache + row * a.head_dim * element_bytes(a.format);
}

// A row of numbers into the cache, and out of it with zeros up to a multiple of sixteen.
template <int FORMAT>
INLINE void write_row(const float* from, uint8_t* to, int64_t count) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store_cached<FORMAT>(to, i, load(from + i));
    if (i == count) return;
    uint8_t rest[LANES * 4];
    store_cached<FORMAT>(rest, 0, load_some(from + i, count - i));
    std::memcpy(to + i * element_bytes(FORMAT), rest, size_t((count - i) * element_bytes(FORMAT)));
}

template <int FORMAT>
INLINE void read_row(const uint8_t* from, float* to, int64_t count) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store(to + i, load_cached<FORMAT>(from, i));
    if (i == count) return;
    uint8_t rest[LANES * 4] = {};
    std::memcpy(rest, from + i * element_bytes(FORMAT), size_t((count - i) * element_bytes(FORMAT)));
    store(to + i, load_cached<FORMAT>(rest, 0));
}

void write_cache(const Attention& a) {
    over_rows(a.tokens, 2 * a.kv_heads * a.head_dim, [&](int64_t first, int64_t last) {
        for (int64_t token = first; token < last; ++token) {
            const int64_t block = a.slots[token] / a.block_size, offset = a.slots[token] % a.block_size;
            for (int which = 0; which < 2; ++which)
                for (int64_t head = 0; head < a.kv_heads; ++head) {
                    const float* from = (which ? a.value + token * a.value_stride : a.key + token * a.key_stride)
                                        + head * a.head_dim;
                    uint8_t* to = cache_row(a, which, block, head, offset);
                    with_format(a.format, [&](auto cached) {
                        write_row<decltype(cached)::FORM>(from, to, a.head_dim);
                    });
                }
        }
    });
}

// Keys (which 0) or values (1) [first, last) of a sequence as floats, (TILE_KEYS, padded dim); the rest is zero.
INLINE void load_tile(const Attention& a, const Work& work, int which, int64_t first, int64_t last, float* tile) {
    const int64_t dim = padded(a.head_dim);
    const int32_t* table = a.block_tables + work.sequence * a.table_stride;
    for (int64_t position = first; position < last; ++position) {
        float* to = tile + (position - first) * dim;
        const uint8_t* row = cache_row(a, which, table[position / a.block_size], work.kv_head, position % a.block_size);
        with_format(a.format, [&](auto cached) { read_row<decltype(cached)::FORM>(row, to, a.head_dim); });
    }
    std::memset(tile + (last - first) * dim, 0, size_t((TILE_KEYS - (last - first)) * dim) * 4);
}

INLINE F capped(F score, float cap) { return cap > 0 ? set1(cap) * hyperbolic_tangent(score / set1(cap)) : score; }

// Position of the query of a row, and the first key it sees.
INLINE int64_t position_of(const Attention& a, const Work& work, int64_t row) {
    const int64_t token = work.first_token + row / work.heads;
    return a.context_lens[work.sequence] - (a.query_starts[work.sequence + 1] - token);
}
INLINE int64_t first_seen(const Attention& a, int64_t position) {
    return a.window > 0 && position >= a.window ? position - a.window + 1 : 0;
}

// One row is done: (unnormalised result, maximum, sum) goes to the output or to the partial results.
INLINE void finish_row(const Attention& a, const Work& work, int64_t row, const float* result, float maximum, float total) {
    const int64_t dim = padded(a.head_dim);
    if (work.partial) {
        float* to = work.partial + row * (dim + 2);
        std::memcpy(to, result, size_t(dim) * 4);
        to[dim] = maximum;
        to[dim + 1] = total;
        return;
    }
    const int64_t token = work.first_token + row / work.heads, head = work.first_head + row % work.heads;
    if (a.sinks) total += std::exp(a.sinks[head] - maximum < 80 ? a.sinks[head] - maximum : 80.0f);
    float* to = a.out + (token * a.heads + head) * a.head_dim;
    const F share = set1(1.0f / total);
    for (int64_t i = 0; i < a.head_dim; i += LANES) store_some(to + i, load(result + i) * share, a.head_dim - i);
}

// Memory of one work item; all parts 64-byte aligned.
struct Buffers {
    float *keys, *values, *queries, *results, *scores;
    explicit Buffers(int64_t dim) {
        keys = engine::scratch_of<float>(engine::Slot::Scores, size_t((2 * dim + MAX_ROWS) * TILE_KEYS + 2 * dim * MAX_ROWS));
        values = keys + TILE_KEYS * dim;
        queries = values + TILE_KEYS * dim;
        results = queries + dim * MAX_ROWS;
        scores = results + dim * MAX_ROWS;
    }
};

INLINE const float* query_of(const Attention& a, const Work& work, int64_t row) {
    const int64_t token = work.first_token + row / work.heads, head = work.first_head + row % work.heads;
    return a.query + token * a.query_stride + head * a.head_dim;
}

// Marks what a row may not see in a tile that starts at key `first`. `stride`: distance of two keys in `scores`.
INLINE void hide_unseen(const Attention& a, const Work& work, int64_t row, int64_t first, int64_t last, float* scores,
                        int64_t stride, int64_t count = TILE_KEYS) {
    const int64_t position = position_of(a, work, row), from = first_seen(a, position);
    if (first >= from && first + count <= last && first + count <= position + 1) return;
    for (int64_t i = 0; i < count; ++i) {
        const int64_t key = first + i;
        if (key > position || key < from || key >= last) scores[i * stride] = UNSEEN;
    }
}

// Products in bfloat take rounded queries and weights, of many rows and of few alike.
INLINE bool takes_bfloats(const Attention& a) {
    return a.precision != engine::FLOAT && a.format == engine::BF16 && engine::has_bfloat_products() &&
           a.head_dim % LANES == 0 && a.head_dim <= 1024 && a.block_size % 8 == 0;
}

constexpr int FEW_KEYS = LANES;  // keys of a tile: one a lane of the scores

// How few rows multiply with a cache of floats, halves or bfloats: every number is made a float.
template <int FORMAT>
struct FloatRows {
    static constexpr bool PAIRED = false;
    static INLINE void store_query(float* to, const float* query, F scale, int64_t dim) {
        for (int64_t i = 0; i < dim; i += LANES) store(to + i, load(query + i) * scale);
    }
    // sums[row] = the query of the row times a key, yet to be added up over lanes. Rows lie `dim` floats apart.
    template <int ROWS>
    static INLINE void multiply(const float* queries, const uint8_t* key, int64_t dim, F* sums) {
        for (int64_t i = 0; i < dim; i += LANES) {
            const F value = load_cached<FORMAT>(key, i);
            UNROLL(4)
            for (int row = 0; row < ROWS; ++row) sums[row] = fma(value, load(queries + row * dim + i), sums[row]);
        }
    }
    static INLINE void store_weights(float* to, F weights) { store(to, weights); }
    // total[row][i] += a tile's values of dimensions [first, first + 16 * COUNT), each times its weight.
    template <int ROWS, int COUNT>
    static INLINE void add(const uint8_t* const* values, int64_t first, const float* weights, F (*total)[COUNT]) {
        for (int key = 0; key < FEW_KEYS; ++key) {
            UNROLL(4)
            for (int i = 0; i < COUNT; ++i) {
                const F value = load_cached<FORMAT>(values[key], first + i * LANES);
                UNROLL(4)
                for (int row = 0; row < ROWS; ++row)
                    total[row][i] = fma(set1(weights[row * FEW_KEYS + key]), value, total[row][i]);
            }
        }
    }
    static INLINE const float* in_order(const float* result, int64_t, float*) { return result; }
};

#if defined(__AVX512F__)
// The same with a cache of bfloats, head_dim a multiple of 32: pairs of bfloats are multiplied as they are, pairs of
// dimensions with the queries and pairs of keys with the weights.
struct BfloatRows {
    static constexpr bool PAIRED = true;
    static INLINE void store_query(float* to, const float* query, F scale, int64_t dim) {
        for (int64_t i = 0; i < dim; i += LANES) store_bfloat((uint16_t*)to + i, load(query + i) * scale);
    }
    template <int ROWS>
    static INLINE BFLOAT_TARGET void multiply(const float* queries, const uint8_t* key, int64_t dim, F* sums) {
        for (int64_t i = 0; i < dim; i += 2 * LANES) {
            const I pairs = load_int(key + 2 * i);
            UNROLL(4)
            for (int row = 0; row < ROWS; ++row)
                sums[row] = dot2(sums[row], pairs, load_int((const uint16_t*)(queries + row * dim) + i));
        }
    }
    static INLINE void store_weights(float* to, F weights) { store_bfloat((uint16_t*)to, weights); }
    // Two neighbouring totals hold 32 dimensions in the order of the processor's unpack instructions.
    template <int ROWS, int COUNT>
    static INLINE BFLOAT_TARGET void add(const uint8_t* const* values, int64_t first, const float* weights,
                                         F (*total)[COUNT]) {
        for (int key = 0; key < FEW_KEYS; key += 2) {
            UNROLL(2)
            for (int i = 0; i < COUNT; i += 2) {
                const __m512i one = load_int(values[key] + 2 * (first + i * LANES)).v;
                const __m512i other = load_int(values[key + 1] + 2 * (first + i * LANES)).v;
                const I low{_mm512_unpacklo_epi16(one, other)}, high{_mm512_unpackhi_epi16(one, other)};
                UNROLL(4)
                for (int row = 0; row < ROWS; ++row) {
                    const I pair = set1_word((const uint16_t*)(weights + row * FEW_KEYS) + key);
                    total[row][i] = dot2(total[row][i], low, pair);
                    total[row][i + 1] = dot2(total[row][i + 1], high, pair);
                }
            }
        }
    }
    static INLINE const float* in_order(const float* result, int64_t dim, float* to) {
        for (int64_t i = 0; i < dim; i += 2 * LANES)
            for (int64_t four = 0; four < LANES; four += 4) {
                std::memcpy(to + i + 2 * four, result + i + four, 16);
                std::memcpy(to + i + 2 * four + 4, result + i + LANES + four, 16);
            }
        return to;
    }
};
#endif

// result[rows][16 * COUNT] = result * fade + the sum of a tile's values, each times its weight. Results lie `dim` apart.
template <class Rows, int ROWS, int COUNT>
INLINE BFLOAT_TARGET void add_weighted(const uint8_t* const* values, int64_t first, const float* weights,
                                       const float* fade, float* result, int64_t dim) {
    F total[ROWS][COUNT];
    UNROLL(4)
    for (int row = 0; row < ROWS; ++row)
        UNROLL(4)
        for (int i = 0; i < COUNT; ++i)
            total[row][i] = load(result + row * dim + first + i * LANES) * set1(fade[row]);
    Rows::template add<ROWS, COUNT>(values, first, weights, total);
    UNROLL(4)
    for (int row = 0; row < ROWS; ++row)
        UNROLL(4)
        for (int i = 0; i < COUNT; ++i) store(result + row * dim + first + i * LANES, total[row][i]);
}

// What few rows carry from key to key: (rows, head_dim) queries and unnormalised results, (rows) maxima and sums.
struct FewRows {
    float *queries, *results, *maxima, *totals;
    FewRows(int64_t rows, int64_t dim) {
        queries = engine::scratch_of<float>(engine::Slot::Scores, size_t(rows * (2 * dim + 2)));
        results = queries + rows * dim;
        maxima = results + rows * dim;
        totals = maxima + rows;
    }
};

// Rows [first_row, first_row + ROWS), all of one KV head, take in keys [first, last), at most TILE_KEYS. What is in the
// cache goes to registers as it is, head_dim a multiple of sixteen. Keys come in tiles of sixteen counted from the start
// of the context, so sums do not depend on the batch. `later`: the keys to fetch meanwhile.
template <class Rows, int ROWS>
BFLOAT_TARGET void attend_rows(const Attention& a, const Work& work, int64_t kv_head, int64_t first_row, int64_t first,
                               int64_t last, const uint8_t* later, const FewRows& state) {
    const int64_t dim = a.head_dim, row_bytes = dim * element_bytes(a.format);
    const int64_t value_distance = a.blocks * a.kv_heads * a.block_size * row_bytes;
    const int32_t* table = a.block_tables + work.sequence * a.table_stride;
    const float* queries = state.queries + first_row * dim;
    float *results = state.results + first_row * dim, *maximum = state.maxima + first_row, *total = state.totals + first_row;
    int64_t block = first / a.block_size, offset = first % a.block_size;
    for (int64_t tile = first; tile < last; tile += FEW_KEYS) {
        const uint8_t *keys[FEW_KEYS], *values[FEW_KEYS];
        F products[ROWS][FEW_KEYS];
        for (int key = 0; key < FEW_KEYS; ++key) {  // beyond the last: the last again
            keys[key] = tile + key < last ? cache_row(a, 0, table[block], kv_head, offset) : keys[key - 1];
            values[key] = keys[key] + value_distance;
            if (++offset == a.block_size) ++block, offset = 0;
            for (int64_t line = 0; line < row_bytes; line += 64) {
                __builtin_prefetch(later + line);
                __builtin_prefetch(later + value_distance + line);
            }
            later += row_bytes;
            F sums[ROWS];
            UNROLL(4)
            for (int row = 0; row < ROWS; ++row) sums[row] = zero();
            Rows::template multiply<ROWS>(queries, keys[key], dim, sums);
            UNROLL(4)
            for (int row = 0; row < ROWS; ++row) products[row][key] = sums[row];
        }
        alignas(64) float weights[ROWS * FEW_KEYS];
        float fade[ROWS];
        for (int row = 0; row < ROWS; ++row) {
            alignas(64) float scores[FEW_KEYS];
            store(scores, capped(sum_each(products[row]), a.soft_cap));
            hide_unseen(a, work, first_row + row, tile, last, scores, 1, FEW_KEYS);
            const float tile_most = largest(load(scores));
            const float most = tile_most > maximum[row] ? tile_most : maximum[row];
            const F now = exponential(load(scores) - set1(most));
            Rows::store_weights(weights + row * FEW_KEYS, now);
            fade[row] = maximum[row] == most ? 1.0f : std::exp(maximum[row] - most);
            maximum[row] = most;
            total[row] = total[row] * fade[row] + sum(now);
        }
        int64_t i = 0;
        for (; i + 4 * LANES <= dim; i += 4 * LANES)
            add_weighted<Rows, ROWS, 4>(values, i, weights, fade, results, dim);
        for (; i + 2 * LANES <= dim; i += 2 * LANES)
            add_weighted<Rows, ROWS, 2>(values, i, weights, fade, results, dim);
        if constexpr (!Rows::PAIRED)
            for (; i < dim; i += LANES) add_weighted<Rows, ROWS, 1>(values, i, weights, fade, results, dim);
    }
}

// All KV heads of a block are read before the next block: they lie one behind the other in memory.
template <class Rows>
void attend_few_rows(const Attention& a, const Work& work) {
    const int64_t dim = a.head_dim, rows = work.rows(), group = rows / work.kv_heads;
    const int32_t* table = a.block_tables + work.sequence * a.table_stride;
    const FewRows state(rows, dim);
    std::memset(state.results, 0, size_t(rows * dim) * 4);
    for (int64_t row = 0; row < rows; ++row) {
        Rows::store_query(state.queries + row * dim, query_of(a, work, row), set1(a.scale), dim);
        state.maxima[row] = UNSEEN;
        state.totals[row] = 0;
    }
    const int64_t row_bytes = dim * element_bytes(a.format);
    const uint8_t* start = cache_row(a, 0, table[work.first_key / a.block_size], work.kv_head, work.first_key % a.block_size);
    for (int64_t byte = 0; byte < TILE_KEYS * row_bytes; byte += 64) {
        __builtin_prefetch(start + byte);
        __builtin_prefetch(start + a.blocks * a.kv_heads * a.block_size * row_bytes + byte);
    }
    for (int64_t first = work.first_key; first < work.last_key; first += TILE_KEYS) {
        const int64_t last = first + TILE_KEYS < work.last_key ? first + TILE_KEYS : work.last_key;
        for (int64_t head = 0; head < work.kv_heads; ++head) {
            const bool is_last = head + 1 == work.kv_heads;
            const int64_t next = is_last && last < work.last_key ? last : first;
            const uint8_t* later = cache_row(a, 0, table[next / a.block_size], work.kv_head + (is_last ? 0 : head + 1),
                                             next % a.block_size);
            const auto take = [&](auto count, int64_t row) {
                attend_rows<Rows, decltype(count)::value>(a, work, work.kv_head + head, head * group + row, first, last,
                                                          later, state);
            };
            int64_t row = 0;
            for (; row + 4 <= group; row += 4) take(std::integral_constant<int, 4>{}, row);
            if (group - row == 3) take(std::integral_constant<int, 3>{}, row);
            else if (group - row == 2) take(std::integral_constant<int, 2>{}, row);
            else if (group - row == 1) take(std::integral_constant<int, 1>{}, row);
        }
    }
    for (int64_t row = 0; row < rows; ++row)
        finish_row(a, work, row, Rows::in_order(state.results + row * dim, dim, state.queries), state.maxima[row],
                   state.totals[row]);
}

// What products of many rows are taken in: a word of the left factor is a float, or two bfloats of neighbouring k.
struct FloatProducts {
    static constexpr int64_t NUMBERS = 1;  // of k a word holds
    static INLINE F add(F total, F right, const float* word) { return fma(right, set1(*word), total); }
    static INLINE F weight(F score) { return exponential(score); }  // of a score less the largest
};
#if defined(__AVX512F__)
struct BfloatProducts {
    static constexpr int64_t NUMBERS = 2;
    static INLINE BFLOAT_TARGET F add(F total, F right, const float* word) {
        return dot2(total, bits_of(right), set1_word(word));
    }
    // The exponential to four parts in a million, far below a bfloat's rounding: 2^n times a Taylor series of 2^x.
    static INLINE F weight(F score) {
        const F power = score * set1(1.44269504f), n = round(power), x = power - n;
        F p = fma(set1(0.00961813f), x, set1(0.05550411f));
        p = fma(p, x, set1(0.24022651f));
        p = fma(p, x, set1(0.69314718f));
        p = fma(p, x, set1(1.0f));
        return {_mm512_scalef_ps(p.v, n.v)};
    }
    // The bfloats of two vectors, one pair a lane.
    static INLINE BFLOAT_TARGET F pair(F first, F second) {
        const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(second.v, first.v);
        return as_float(I{_mm512_permutexvar_epi16(load_int(ONE_OF_EACH_HALF).v, halves)});
    }
    // Sixteen bfloats of two rows, one pair a lane.
    static INLINE F pair(const uint8_t* first, const uint8_t* second) {
        const __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i*)first));
        const __m512i both = _mm512_inserti64x4(low, _mm256_loadu_si256((const __m256i*)second), 1);
        return as_float(I{_mm512_permutexvar_epi16(load_int(ONE_OF_EACH_HALF).v, both)});
    }
    alignas(64) static constexpr uint16_t ONE_OF_EACH_HALF[2 * LANES] = {
        0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
        8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
};
#endif

// c[n][rows] = (fade ? c * fade : 0) + sum over words k of a[n * n_stride + k * k_stride] * b[k][rows]; n in whole BLOCKs.
template <class Products, int GROUPS>
INLINE BFLOAT_TARGET void multiply(const float* a, int64_t n_stride, int64_t k_stride, int64_t n, const float* b,
                                   int64_t k, float* c, const F* fade) {
    for (int64_t first = 0; first < n; first += BLOCK) {
        F total[BLOCK][GROUPS];
        float* out = c + first * GROUPS * LANES;
        const float* left = a + first * n_stride;
        UNROLL(8)
        for (int i = 0; i < BLOCK; ++i)
            UNROLL(3)
            for (int g = 0; g < GROUPS; ++g)
                total[i][g] = fade ? load(out + (i * GROUPS + g) * LANES) * fade[g] : zero();
        for (int64_t step = 0; step < k; ++step) {
            F right[GROUPS];
            UNROLL(3)
            for (int g = 0; g < GROUPS; ++g) right[g] = load(b + (step * GROUPS + g) * LANES);
            UNROLL(8)
            for (int i = 0; i < BLOCK; ++i)
                UNROLL(3)
                for (int g = 0; g < GROUPS; ++g)
                    total[i][g] = Products::add(total[i][g], right[g], left + i * n_stride + step * k_stride);
        }
        UNROLL(8)
        for (int i = 0; i < BLOCK; ++i)
            UNROLL(3)
            for (int g = 0; g < GROUPS; ++g) store(out + (i * GROUPS + g) * LANES, total[i][g]);
    }
}

// Values of a BF16 cache as pairs of neighbouring keys, (TILE_KEYS / 2, dim); zeros from key `last` on.
template <class Products>
INLINE BFLOAT_TARGET void load_value_pairs(const Attention& a, const Work& work, int64_t first, int64_t last, float* tile) {
    const int32_t* table = a.block_tables + work.sequence * a.table_stride;
    for (int64_t key = first; key < first + TILE_KEYS; key += 2, tile += a.head_dim) {
        const uint8_t* rows[2];
        for (int64_t i = 0; i < 2; ++i) {
            static const uint16_t zeros[1024] = {};
            const int64_t at = key + i;
            rows[i] = at >= last ? (const uint8_t*)zeros
                                 : cache_row(a, 1, table[at / a.block_size], work.kv_head, at % a.block_size);
        }
        for (int64_t i = 0; i < a.head_dim; i += LANES) store(tile + i, Products::pair(rows[0] + 2 * i, rows[1] + 2 * i));
    }
}

template <class Products, int GROUPS>
BFLOAT_TARGET void attend_many_rows(const Attention& a, const Work& work) {
    constexpr int64_t WIDTH = GROUPS * LANES, NUMBERS = Products::NUMBERS;
    const int64_t dim = padded(a.head_dim), rows = work.rows();
    const Buffers buffers(dim);
    std::memset(buffers.queries, 0, size_t(WIDTH * dim) * 4);
    std::memset(buffers.results, 0, size_t(WIDTH * dim) * 4);
    alignas(64) float positions[WIDTH], firsts[WIDTH];
    for (int64_t row = 0; row < WIDTH; ++row) {
        const int64_t position = position_of(a, work, row < rows ? row : rows - 1);
        positions[row] = float(position);
        firsts[row] = float(first_seen(a, position));
    }
    float* scaled = buffers.scores;  // one query as words
    for (int64_t row = 0; row < rows; ++row) {
        const float* query = query_of(a, work, row);
        for (int64_t i = 0; i < a.head_dim; i += LANES) {
            const F value = load_some(query + i, a.head_dim - i) * set1(a.scale);
            if (NUMBERS == 1) store(scaled + i, value);
            else store_bfloat((uint16_t*)scaled + i, value);
        }
        for (int64_t i = 0; i < a.head_dim / NUMBERS; ++i) buffers.queries[i * WIDTH + row] = scaled[i];
    }
    F maximum[GROUPS], total[GROUPS], fade[GROUPS];
    for (int g = 0; g < GROUPS; ++g) maximum[g] = set1(UNSEEN), total[g] = zero();
    const int64_t lowest = position_of(a, work, 0), highest = position_of(a, work, rows - 1);
    for (int64_t first = work.first_key; first < work.last_key; first += TILE_KEYS) {
        const int64_t last = first + TILE_KEYS < work.last_key ? first + TILE_KEYS : work.last_key;
        float* scores = buffers.scores;
        if constexpr (NUMBERS == 2) {  // keys straight from the cache: blocks are whole multiples of BLOCK
            load_value_pairs<Products>(a, work, first, last, buffers.values);
            const int32_t* table = a.block_tables + work.sequence * a.table_stride;
            for (int64_t key = 0; key < TILE_KEYS; key += BLOCK) {
                const int64_t at = first + key < last ? first + key : first;  // beyond the last: whatever, it is hidden
                const uint8_t* keys = cache_row(a, 0, table[at / a.block_size], work.kv_head, at % a.block_size);
                multiply<Products, GROUPS>((const float*)keys, dim / 2, 1, BLOCK, buffers.queries, dim / 2,
                                           scores + key * WIDTH, nullptr);
            }
        } else {
            load_tile(a, work, 0, first, last, buffers.keys);
            load_tile(a, work, 1, first, last, buffers.values);
            multiply<Products, GROUPS>(buffers.keys, dim, 1, TILE_KEYS, buffers.queries, dim, scores, nullptr);
        }
        if (a.soft_cap > 0)
            for (int64_t i = 0; i < TILE_KEYS * WIDTH; i += LANES) store(scores + i, capped(load(scores + i), a.soft_cap));
        const bool hides = first + TILE_KEYS - 1 > lowest || last < first + TILE_KEYS || first < first_seen(a, highest);
        for (int g = 0; g < GROUPS; ++g) {
            const F position = load(positions + g * LANES), from = load(firsts + g * LANES);
            F most = maximum[g], sums = zero();
            for (int64_t key = 0; key < TILE_KEYS; ++key) {
                float* at = scores + key * WIDTH + g * LANES;
                F score = load(at);
                if (hides) {  // zero for what a row sees, far below every score for the rest
                    const F index = set1(float(first + key));
                    const F beyond = min(min(position - index, index - from) * set1(-UNSEEN), zero());
                    score = max(score + beyond, set1(UNSEEN));
                    store(at, score);
                }
                most = max(most, score);
            }
            F even = zero();
            for (int64_t key = 0; key < TILE_KEYS; ++key) {
                const F weight = Products::weight(load(scores + key * WIDTH + g * LANES) - most);
                sums = sums + weight;
                if constexpr (NUMBERS == 1) store(scores + key * WIDTH + g * LANES, weight);
                else if (key % 2 == 0) even = weight;
                else store(scores + key / 2 * WIDTH + g * LANES, Products::pair(even, weight));
            }
            fade[g] = Products::weight(maximum[g] - most);
            total[g] = fma(total[g], fade[g], sums);
            maximum[g] = most;
        }
        multiply<Products, GROUPS>(buffers.values, 1, dim, dim, scores, TILE_KEYS / NUMBERS, buffers.results, fade);
    }
    float* result = buffers.keys;  // no longer needed
    for (int64_t row = 0; row < rows; ++row) {
        float lanes[2][LANES];
        store(lanes[0], maximum[row / LANES]);
        store(lanes[1], total[row / LANES]);
        for (int64_t i = 0; i < dim; ++i) result[i] = buffers.results[i * WIDTH + row];
        finish_row(a, work, row, result, lanes[0][row % LANES], lanes[1][row % LANES]);
    }
}

template <class Products>
void attend_many(const Attention& a, const Work& work) {
    const int64_t rows = work.rows();
    if (ROW_GROUPS == 1 || rows <= LANES) return attend_many_rows<Products, 1>(a, work);
    if (rows <= 2 * LANES) return attend_many_rows<Products, (ROW_GROUPS > 1 ? 2 : 1)>(a, work);
    attend_many_rows<Products, ROW_GROUPS>(a, work);
}

void attend(const Attention& a, const Work& work) {
    const int64_t rows = work.rows();
    if (rows <= FEW_ROWS && a.head_dim % LANES == 0) {
#if defined(__AVX512F__)
        if (takes_bfloats(a) && a.head_dim % (2 * LANES) == 0) return attend_few_rows<BfloatRows>(a, work);
#endif
        with_format(a.format, [&](auto cached) { attend_few_rows<FloatRows<decltype(cached)::FORM>>(a, work); });
        return;
    }
#if defined(__AVX512F__)
    if (takes_bfloats(a)) return attend_many<BfloatProducts>(a, work);
#endif
    attend_many<FloatProducts>(a, work);
}

// How many KV heads share a work item: as many as leave each thread some.
INLINE int64_t heads_together(const Attention& a, int64_t splits) {
    const int64_t work = a.kv_heads * splits * a.sequences / (4 * engine::threads());
    const int64_t items = work < 1 ? a.kv_heads : (a.kv_heads + work - 1) / work;
    return (a.kv_heads + items - 1) / items;
}

// Cuts the step into work items and hands each to `emit`; splits of one (sequence, KV head) follow one another.
template <class Emit>
INLINE void plan(const Attention& a, Emit&& emit) {
    const int64_t group = a.heads / a.kv_heads, heads = group < MAX_ROWS ? group : MAX_ROWS;
    for (int64_t sequence = 0; sequence < a.sequences; ++sequence) {
        const int64_t start = a.query_starts[sequence], length = a.query_starts[sequence + 1] - start;
        const int64_t context = a.context_lens[sequence];
        const bool few = length * group <= FEW_ROWS;
        const int64_t tokens = few ? length : MAX_ROWS / heads;
        for (int64_t token = start + length; token > start;) {  // the longest first
            const int64_t first_token = few || token - start <= tokens ? start : token - tokens;
            const int64_t last_key = context - (start + length - token);
            const int64_t first_key = first_seen(a, context - (start + length - first_token)) / TILE_KEYS * TILE_KEYS;
            const int64_t split = few ? SPLIT_KEYS : last_key - first_key;
            const int64_t splits = (last_key - first_key + split - 1) / split;
            const bool by_rows = few && length == 1 && heads == group && a.head_dim % LANES == 0;
            const int64_t together = by_rows ? heads_together(a, splits) : 1;
            for (int64_t kv_head = 0; kv_head < a.kv_heads; kv_head += together) {
                const int64_t kv_heads = a.kv_heads - kv_head < together ? a.kv_heads - kv_head : together;
                for (int64_t head = 0; head < group; head += heads)
                    for (int64_t key = first_key; key < last_key; key += split) {
                        const int64_t count = kv_heads * (group - head < heads ? group - head : heads);
                        const int64_t end = key + split < last_key ? key + split : last_key;
                        const bool whole = key == first_key && end == last_key;
                        emit(Work{sequence, kv_head, kv_heads, kv_head * group + head, count, first_token,
                                  token - first_token, key, end, nullptr}, whole);
                    }
            }
            token = first_token;
        }
    }
}

// Adds up one row of the splits of one work, which lie one behind the other from `works`.
void combine(const Attention& a, const Work* works, int64_t splits, int64_t row) {
    const int64_t dim = padded(a.head_dim);
    Work whole = works[0];
    whole.partial = nullptr;
    float* result = engine::scratch_of<float>(engine::Slot::Scores, size_t(dim));
    float maximum = UNSEEN, total = 0;
    for (int64_t i = 0; i < splits; ++i) {
        const float most = works[i].partial[row * (dim + 2) + dim];
        maximum = most > maximum ? most : maximum;
    }
    std::memset(result, 0, size_t(dim) * 4);
    for (int64_t i = 0; i < splits; ++i) {
        const float* part = works[i].partial + row * (dim + 2);
        const float factor = std::exp(part[dim] - maximum);
        total += factor * part[dim + 1];
        for (int64_t d = 0; d < dim; d += LANES) store(result + d, fma(set1(factor), load(part + d), load(result + d)));
    }
    finish_row(a, whole, row, result, maximum, total);
}

// Adds up the splits of all works that were split; whole ones need nothing.
void combine_all(const Attention& a, const Work* works, int64_t count) {
    for (int64_t first = 0, last; first < count; first = last) {
        const auto same = [&](int64_t other) {
            return other < count && works[other].sequence == works[first].sequence &&
                   works[other].first_head == works[first].first_head &&
                   works[other].first_token == works[first].first_token;
        };
        for (last = first + 1; same(last);) ++last;
        if (works[first].partial)
            over_rows(works[first].rows(), (last - first) * a.head_dim, [&](int64_t from, int64_t to) {
                for (int64_t row = from; row < to; ++row) combine(a, works + first, last - first, row);
            });
    }
}

void attention(const Attention& a) {
    write_cache(a);
    const int64_t stride = padded(a.head_dim) + 2;
    int64_t count = 0, partial_floats = 0;
    plan(a, [&](const Work& work, bool whole) {
        ++count;
        if (!whole) partial_floats += work.rows() * stride;
    });
    Work* works = engine::scratch_of<Work>(engine::Slot::Activations, size_t(count));
    float* partial = engine::scratch_of<float>(engine::Slot::Partials, size_t(partial_floats));
    Work* next = works;
    plan(a, [&](Work work, bool whole) {
        if (!whole) {
            work.partial = partial;
            partial += work.rows() * stride;
        }
        *next++ = work;
    });
    engine::parallel(count, [&](int64_t index) { attend(a, works[index]); });
    if (partial_floats > 0) combine_all(a, works, count);
}

}  // namespace
