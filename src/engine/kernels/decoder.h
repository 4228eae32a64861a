// A decoder from token ids to hidden states in one call: the kernels of one instruction set, one after the other, on
// memory of our own.
#pragma once
#include "api.h"
#include "experts.h"

namespace engine {

// Weights of one pre-norm layer. Norm weights are float32; a null pointer stands for what the layer does not have.
struct DecoderLayer {
    const Matrix* qkv[3];      // query, key and value apart, or in the first place all three one behind the other
    const Matrix* gate_up[2];  // apart, or together in the first place
    const Matrix *output, *down;
    const float *query_norm, *key_norm;  // (head_dim)
    const float *attention_output_norm, *feed_forward_norm, *feed_forward_output_norm;
    const float* next_norm;    // the following layer's, or the one after the last layer
    const float* rotary_table;  // cosines and sines of all positions of the step at least; see rotary()
    int64_t rotary_dim;
    int64_t window;  // as in Attention
    const Mixture* mixture;  // in place of gate_up and down
};

// Where adapters add to a layer: the places of its matrices among PRODUCTS.
enum Product : int { QKV = 0, OUTPUT = 3, GATE_UP = 4, DOWN = 6, PRODUCTS = 7 };

// Tokens [start, stop) of a step belong to one adapter; what it adds, (layers, PRODUCTS), null where nothing.
struct AdapterRows {
    const LowRank* const* additions;
    int64_t start, stop;
};

// What the layers share: sizes, and the tokens of this step.
struct DecoderStep {
    const Matrix* embedding;   // a row for each token id
    const int64_t* token_ids;  // (tokens), rows of the embedding
    float* out;                // (tokens, hidden); its first rows: the stream after the last layer, normalised
    const float* first_norm;
    const int64_t* positions;  // (tokens)
    const int64_t* wanted;     // (num_wanted), ascending: the tokens that leave the last layer; null: all
    int64_t num_wanted;
    void* const* caches;       // one a layer
    Attention attention;       // all but query, key, value, out, cache, strides and window
    int64_t hidden, inner;
    float eps, embedding_scale, residual_scale;
    int activation, precision;  // as in gated() and linear()
    const AdapterRows* adapters;  // by `start`
    int64_t num_adapters;
};

void decoder_step(const Kernels& kernels, const DecoderStep& step, const DecoderLayer* layers, int64_t count);

}  // namespace engine
