// What every instruction set implements, and the arguments that travel together.
#pragma once
#include <cstdint>

namespace engine {

// The numbers GGUF files use.
enum Format : int {
    F32 = 0, F16 = 1, Q4_0 = 2, Q4_1 = 3, Q5_0 = 6, Q5_1 = 7, Q8_0 = 8,
    Q2_K = 10, Q3_K = 11, Q4_K = 12, Q5_K = 13, Q6_K = 14, BF16 = 30,
    F8E4M3 = 100,  // in no file: torch.float8_e4m3fn, of a cache
    FP8 = 256  // in no file: blocks of 32 codes E4M3 behind a float16 scale
};

// A weight matrix with sixteen rows interleaved (see formats.h); rows beyond the last are zero.
struct Matrix {
    const uint8_t* data;
    const float* bias;  // (rows) or null
    int64_t rows, columns;
    int format;
};

// What products are taken in; sums are floats, and integers within a run of columns. Quantised weights stay as they are:
// activations are rounded beside them, a run of 32 columns at a time.
enum Precision : int {
    FLOAT = 0,   // plain weights: exactly; quantised weights: activations of 16 bits
    BFLOAT = 1,  // bfloat weights: activations rounded to bfloat; other weights as FLOAT
    INT8 = 2     // quantised weights: activations of 8 bits; plain weights as BFLOAT
};

// The forms in which products take their activations.
enum Form : int { PLAIN, BFLOATS, ONE_BYTE, TWO_BYTES, FORMS };

// Thirty-two columns of one token as BFLOATS, ONE_BYTE or TWO_BYTES take them. x = scale * code, where the code is one
// byte, or 256 times this line's byte plus that of the line behind it.
struct alignas(64) Line {
    union {
        uint16_t bfloats[32];
        struct {
            int8_t codes[32];
            float scale;
            float sums[3];         // scale * sum of codes: first half, second half, both
            int32_t negatives[3];  // minus the sums of codes, in the same order
        };
    };
};

// What an adapter adds to the product of one matrix: y += B · (scale · (A · x)). Ranks are whole multiples of sixteen.
struct LowRankPart {
    // B: (rows of this part, rank). As Q8_0, for rank sixteen only: (half the rows, 32), each row of a group of sixteen
    // before the same row of the next group.
    const Matrix* up;
    int64_t first;  // its first row of A
    int64_t start;  // its first row of y, a whole multiple of sixteen
};

struct LowRank {
    const Matrix* down;  // A of all parts, (ranks together, columns)
    const float* scales;  // (ranks together)
    const LowRankPart* parts;
    int64_t num_parts;

    const LowRankPart* begin() const { return parts; }
    const LowRankPart* end() const { return parts + num_parts; }
};

// Sixteen numbers of one token in two bytes each, as a coded B takes them.
struct PairInput { Line lines[2]; };

// Tokens [start, stop) get `low_rank`. Memory for scale · (A · x): inner (stop - start, ranks together); where a part of B
// is coded, pairs (stop - start, ranks together / 16).
struct Addition {
    const LowRank* low_rank;
    int64_t start, stop;
    float* inner;
    PairInput* pairs;
};

// Activations (tokens, columns), tokens `stride` floats apart, and the same as lines: (ceil(columns / 32), tokens), two
// lines each for TWO_BYTES.
struct Input {
    const float* x;
    int64_t stride, tokens;
    const Line* lines[FORMS];  // null where no product needs them
    const Addition* additions;  // to the product, by `start`
    int64_t num_additions;
};

// Keys and values of one layer: (2, blocks, kv_heads, block_size, head_dim) in `format` F32, F16, BF16 or F8E4M3.
struct Attention {
    const float* query;  // (tokens, heads, head_dim), each token `query_stride` floats apart
    const float* key;
    const float* value;
    float* out;  // (tokens, heads, head_dim), dense
    void* cache;
    const int32_t* query_starts;  // (sequences + 1)
    const int32_t* context_lens;  // (sequences)
    const int32_t* block_tables;  // (sequences, table_stride)
    const int64_t* slots;         // (tokens)
    const float* sinks;           // (heads) or null
    int64_t query_stride, key_stride, value_stride;
    int64_t tokens, sequences, table_stride, blocks;
    int64_t heads, kv_heads, head_dim, block_size;
    int64_t window;  // 0: unlimited
    float scale, soft_cap;  // soft_cap 0: none
    int format;
    int precision;  // a Precision: other than FLOAT, products with a BF16 cache are taken in bfloat
};

// One row of logits to choose a token from, and what was chosen.
struct SampleRow {
    const uint32_t* mask;  // one bit a token, those that are allowed; null: all are
    const int32_t* dry_ids;
    const float* dry_penalties;  // subtracted
    const int32_t* seen_ids;     // the tokens so far, each once, and how often each is in the reply
    const int32_t* seen_counts;
    const int32_t* bias_ids;
    const float* biases;  // added
    int64_t num_dry, num_seen, num_biased;
    double uniform;  // in [0, 1)
    float scale;     // 1 / temperature; 0: the most likely token
    float top_p, min_p, frequency, presence, repetition;
    int32_t top_k;      // 0: off
    int32_t top_count;  // likely tokens to report, at most 20; -1: no log-probabilities at all
    int32_t token;      // -1 when the logits are no finite numbers
    float logprob;
    int32_t num_top;
    int32_t top_ids[20];
    float top_logprobs[20];
};

struct Kernels {
    const char* name;
    // The form in which a product with weights of this format takes its input.
    Form (*form)(int format, Precision precision);
    // Rounds tokens [first, last) of `tokens` into `lines`.
    void (*round)(Form form, const float* x, int64_t x_stride, int64_t columns, int64_t tokens, int64_t first,
                  int64_t last, Line* lines);
    void (*linear)(const Matrix& weight, const Input& input, Precision precision, float* y);
    void (*dequantize)(const Matrix& weight, const int64_t* rows, int64_t count, float* out);
    void (*rms_norm)(const float* x, const float* residual, const float* weight, float* sum, float* out, int64_t rows,
                     int64_t groups, int64_t width, int64_t row_stride, float eps);
    void (*rotary)(const float* x, int64_t x_stride, float* out, const float* table, const int64_t* positions,
                   int64_t tokens, int64_t heads, int64_t head_dim, int64_t rotary_dim);
    void (*gated)(const float* gate, const float* up, int64_t stride, float* out, int64_t tokens, int64_t width,
                  int activation);
    void (*attention)(const Attention& arguments);
    // See quantize() of api.cpp.
    int (*quantize)(int format, int type, const void* from, int64_t elements, uint8_t* to);
    void (*sample)(SampleRow& row, float* logits, int64_t vocab);  // changes the logits
};

extern const Kernels baseline_kernels;
#if defined(__x86_64__)
extern const Kernels avx2_kernels, avxvnni_kernels, avx512_kernels;
#endif

bool has_bfloat_products();  // of the instruction set in use

}  // namespace engine
