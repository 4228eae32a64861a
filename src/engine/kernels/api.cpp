// The functions Python calls: plain C, pointers and numbers. Chooses the instruction set.
#include "api.h"

#include <algorithm>
#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <type_traits>

#include "decoder.h"
#include "experts.h"
#include "formats.h"
#include "input.h"
#include "pool.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace engine {
namespace {

const Kernels* const ALL[] = {
#if defined(__x86_64__)
    &avx512_kernels, &avxvnni_kernels, &avx2_kernels,
#endif
    &baseline_kernels,
};

#if defined(__x86_64__)
// The 256-bit form of VNNI, which older compilers cannot ask for by name: leaf 7, sub-leaf 1, bit 4 of eax.
bool has_avx_vnni() {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 16);
}
#endif

bool runs_here(const Kernels* kernels) {
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vnni");
    if (kernels == &avx2_kernels) return avx2;
    if (kernels == &avxvnni_kernels) return avx2 && has_avx_vnni();
    if (kernels == &avx512_kernels) return avx512;
#endif
    return kernels == &baseline_kernels;
}

const Kernels* best() {
    for (const Kernels* kernels : ALL)
        if (runs_here(kernels)) return kernels;
    return &baseline_kernels;
}

const Kernels* active = best();

template <class Field>
void interleave_fields(const uint8_t* from, int64_t rows, int64_t row_bytes, int count, uint8_t* to) {
    for (int i = 0; i < count; ++i, from += sizeof(Field), to += sizeof(Field) * LANES)
        for (int64_t row = 0; row < rows; ++row)
            std::memcpy(to + row * sizeof(Field), from + row * row_bytes, sizeof(Field));
}

bool are_rows(const Matrix& matrix, const int64_t* rows, int64_t count) {
    return std::all_of(rows, rows + count, [&](int64_t row) { return 0 <= row && row < matrix.rows; });
}

}  // namespace

bool has_bfloat_products() {
#if defined(__x86_64__)
    return active == &avx512_kernels && __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

}  // namespace engine

using namespace engine;

EXPORT const char* kernels_name() { return active->name; }
EXPORT int kernels_have_bfloat_products() { return has_bfloat_products(); }

// Uses the named instruction set from now on; 0 when this machine or build does not have it.
EXPORT int kernels_select(const char* name) {
    for (const Kernels* kernels : ALL)
        if (std::strcmp(kernels->name, name) == 0 && runs_here(kernels)) {
            active = kernels;
            return 1;
        }
    return 0;
}

EXPORT void kernels_set_threads(int count) { set_threads(count); }
EXPORT int kernels_threads() { return threads(); }

// Interleaves `rows` rows in the file's layout, (rows, row_bytes), into `to`: ceil(rows / 16) groups of 16 * row_bytes,
// zeros where there is no row.
EXPORT void interleave(int format, const uint8_t* from, uint8_t* to, int64_t rows, int64_t row_bytes) {
    with_decoder(format, [&](const auto& decoder) {
        using D = std::decay_t<decltype(decoder)>;
        parallel((rows + LANES - 1) / LANES, [&](int64_t group) {
            const int64_t first = group * LANES, count = rows - first < LANES ? rows - first : LANES;
            for (int64_t block = 0; block < row_bytes; block += D::bytes)
                for (const Unit& unit : D::units) {
                    const uint8_t* fields = from + first * row_bytes + block + unit.offset;
                    uint8_t* out = to + (first * row_bytes + (block + unit.offset) * LANES);
                    if (unit.size == 1) interleave_fields<uint8_t>(fields, count, row_bytes, unit.count, out);
                    else if (unit.size == 2) interleave_fields<uint16_t>(fields, count, row_bytes, unit.count, out);
                    else interleave_fields<uint32_t>(fields, count, row_bytes, unit.count, out);
                }
        });
    });
}

// `precision`: a Precision, for the formats and machines that have it.
EXPORT void linear(const Matrix* weight, const float* x, int64_t x_stride, float* y, int64_t tokens, int precision) {
    const Precision how = Precision(precision);
    active->linear(*weight, input_of(*active, how, x, x_stride, weight->columns, tokens, {weight}), how, y);
}

// `elements` numbers of `type` (F32, F16 or BF16), whole blocks of them, → blocks of `format` in the order of a file.
// Returns 0 when a number was infinite or none, −1 having done nothing for a format that cannot be quantised to.
EXPORT int quantize(int format, int type, const void* from, int64_t elements, uint8_t* to) {
    return active->quantize(format, type, from, elements, to);
}

// Returns 0, having done nothing, when one of `rows` is none of the matrix.
EXPORT int dequantize_rows(const Matrix* weight, const int64_t* rows, int64_t count, float* out) {
    if (!are_rows(*weight, rows, count)) return 0;
    active->dequantize(*weight, rows, count, out);
    return 1;
}

EXPORT void rms_norm(const float* x, const float* residual, const float* weight, float* sum, float* out, int64_t rows,
                     int64_t groups, int64_t width, int64_t row_stride, float eps) {
    active->rms_norm(x, residual, weight, sum, out, rows, groups, width, row_stride, eps);
}

// Turns queries and keys in one call. Returns 0, having done nothing, when a position is outside the table.
EXPORT int rotary(const float* query, int64_t query_stride, float* query_out, int64_t heads, const float* key,
                  int64_t key_stride, float* key_out, int64_t kv_heads, const float* table, int64_t table_length,
                  const int64_t* positions, int64_t tokens, int64_t head_dim, int64_t rotary_dim) {
    for (int64_t token = 0; token < tokens; ++token)
        if (positions[token] < 0 || positions[token] >= table_length) return 0;
    active->rotary(query, query_stride, query_out, table, positions, tokens, heads, head_dim, rotary_dim);
    active->rotary(key, key_stride, key_out, table, positions, tokens, kv_heads, head_dim, rotary_dim);
    return 1;
}

EXPORT void gated(const float* gate_up, float* out, int64_t tokens, int64_t width, int activation) {
    active->gated(gate_up, gate_up + width, 2 * width, out, tokens, width, activation);
}

EXPORT void attention(const Attention* arguments) { active->attention(*arguments); }

EXPORT void mix_experts(const Mixture* mixture, const float* x, float* out, int64_t tokens, int precision) {
    mix_experts(*active, *mixture, Precision(precision), x, out, tokens);
}

// decoder_step() applies adapters: a library without this function, built from older sources, would leave them out.
EXPORT int kernels_apply_adapters() { return 1; }

// Returns 0, having done nothing, when a token id is no row of the embedding.
EXPORT int decoder_step(const DecoderStep* step, const DecoderLayer* layers, int64_t count) {
    if (!are_rows(*step->embedding, step->token_ids, step->attention.tokens)) return 0;
    decoder_step(*active, *step, layers, count);
    return 1;
}

// Chooses a token for each of `count` rows of logits, `stride` floats apart; the logits are changed.
EXPORT void sample(SampleRow* const* rows, float* logits, int64_t stride, int64_t count, int64_t vocab) {
    parallel(count, [&](int64_t row) { active->sample(*rows[row], logits + row * stride, vocab); });
}
