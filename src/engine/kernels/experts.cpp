#include "experts.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "input.h"

namespace engine {
namespace {

// One token's way through one expert.
struct Visit {
    int64_t token;
    float share;
};

// Softmax over the scores of all experts, then the best `per_token`, each once whatever the scores are; the earlier of two
// equal ones first.
void choose(const Mixture& mixture, float* scores, int64_t token, std::vector<std::vector<Visit>>& visits) {
    const float most = *std::max_element(scores, scores + mixture.experts);
    float total = 0, chosen = 0;
    for (int64_t i = 0; i < mixture.experts; ++i) total += scores[i] = std::exp(scores[i] - most);
    std::vector<bool> taken(size_t(mixture.experts));
    for (int64_t place = 0; place < mixture.per_token; ++place) {
        int64_t best = -1;
        for (int64_t i = 0; i < mixture.experts; ++i)
            if (!taken[size_t(i)] && (best < 0 || scores[i] > scores[best])) best = i;
        taken[size_t(best)] = true;
        chosen += scores[best];
        visits[size_t(best)].push_back({token, scores[best]});
    }
    for (int64_t i = 0; i < mixture.experts; ++i)
        if (taken[size_t(i)]) visits[size_t(i)].back().share /= mixture.normalize ? chosen : total;
}

// The tokens of one expert together: gathered, through its block, added to where they belong.
class Block {
  public:
    Block(const Kernels& kernels, const Mixture& mixture, Precision precision, const float* x, float* out,
          int64_t tokens)
        : kernels_(kernels), mixture_(mixture), precision_(precision), x_(x), out_(out),
          hidden_(mixture.router->columns) {
        const int64_t width = 2 * hidden_ + 3 * mixture.inner;
        rows_ = scratch_of<float>(Slot::Experts, size_t(tokens * width));
        results_ = rows_ + tokens * hidden_;
        inside_ = results_ + tokens * hidden_;
    }

    void run(int64_t expert, const std::vector<Visit>& visits) const {
        const int64_t count = int64_t(visits.size()), inner = mixture_.inner;
        each(count, [&](int64_t row) {
            std::memcpy(rows_ + row * hidden_, x_ + visits[size_t(row)].token * hidden_, size_t(hidden_) * 4);
        });
        const Matrix* const* gate_up = mixture_.gate_up + 2 * expert;
        const bool together = gate_up[1] == nullptr;
        float *gate = inside_, *up = gate + (together ? inner : count * inner), *product = gate + 2 * count * inner;
        const Input input = input_of(kernels_, precision_, rows_, hidden_, hidden_, count, {gate_up[0], gate_up[1]});
        kernels_.linear(*gate_up[0], input, precision_, gate);
        if (!together) kernels_.linear(*gate_up[1], input, precision_, up);
        kernels_.gated(gate, up, together ? 2 * inner : inner, product, count, inner, mixture_.activation);
        const Matrix* down = mixture_.down[expert];
        kernels_.linear(*down, input_of(kernels_, precision_, product, inner, inner, count, {down}), precision_,
                        results_);
        each(count, [&](int64_t row) {
            const Visit visit = visits[size_t(row)];
            float* out = out_ + visit.token * hidden_;
            const float* result = results_ + row * hidden_;
            for (int64_t i = 0; i < hidden_; ++i) out[i] += visit.share * result[i];
        });
    }

  private:
    template <class Function>
    static void each(int64_t count, Function&& body) {
        constexpr int64_t STEP = 8;
        parallel((count + STEP - 1) / STEP, [&](int64_t chunk) {
            for (int64_t row = chunk * STEP; row < std::min(count, (chunk + 1) * STEP); ++row) body(row);
        });
    }

    const Kernels& kernels_;
    const Mixture& mixture_;
    const Precision precision_;
    const float* x_;
    float* out_;
    const int64_t hidden_;
    float *rows_, *results_, *inside_;
};

}  // namespace

void mix_experts(const Kernels& kernels, const Mixture& mixture, Precision precision, const float* x, float* out,
                 int64_t tokens) {
    const Matrix& router = *mixture.router;
    std::vector<float> scores(size_t(tokens * mixture.experts));
    kernels.linear(router, input_of(kernels, precision, x, router.columns, router.columns, tokens, {&router}),
                   precision, scores.data());
    std::vector<std::vector<Visit>> visits(size_t(mixture.experts));
    for (int64_t token = 0; token < tokens; ++token)
        choose(mixture, scores.data() + token * mixture.experts, token, visits);
    std::memset(out, 0, size_t(tokens * router.columns) * 4);
    const Block block(kernels, mixture, precision, x, out, tokens);
    for (int64_t expert = 0; expert < mixture.experts; ++expert)
        if (!visits[size_t(expert)].empty()) block.run(expert, visits[size_t(expert)]);
}

}  // namespace engine
