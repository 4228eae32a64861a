// A mixture of experts: each token goes through the few feed-forward blocks its router chooses.
#pragma once
#include "api.h"

namespace engine {

struct Mixture {
    const Matrix* router;               // (experts, hidden)
    const Matrix* const* gate_up;       // (experts, 2): apart, or together in the first place and null
    const Matrix* const* down;          // (experts)
    int64_t experts, per_token, inner;  // inner: columns of `down`
    int normalize;                      // the weights of a token's experts are scaled to sum to one
    int activation;                     // as in gated()
};

// x and out (tokens, hidden), dense and apart from each other.
void mix_experts(const Kernels& kernels, const Mixture& mixture, Precision precision, const float* x, float* out,
                 int64_t tokens);

}  // namespace engine
