// Choosing a token from a row of logits: edits, arg-max, top-k, top-p, min-p, a draw, log-probabilities. No sorting of
// the vocabulary: the maxima of blocks of 64 logits tell which few blocks can hold the tokens that matter, and a
// selection by halves (nth_element) finds where the weights add up to what is asked for.
#pragma once
#include <algorithm>
#include <cfloat>
#include <limits>

#include "api.h"
#include "pool.h"
#include "simd.h"

namespace engine {
namespace {

constexpr int64_t BLOCK_LOGITS = 64;
constexpr int64_t FEW_BLOCKS = 64;        // tokens asked of the first, cheap attempt at top-p
constexpr float NO_WEIGHT = -87.0f;       // exponents below it weigh nothing
constexpr float SLACK = 1e-3f;            // of exponents, for bounds that are checked exactly afterwards
constexpr float NEVER = -std::numeric_limits<float>::infinity();

struct Token {
    int32_t id;
    float logit, weight;
};

struct BlockMaximum {  // a type of this translation unit, so that its algorithms are compiled for its instruction set
    float value;
};

struct ByRank {  // the higher logit first, of equal ones the lower id
    bool operator()(const Token& a, const Token& b) const {
        return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
    }
};

struct ById {
    bool operator()(const Token& a, const Token& b) const { return a.id < b.id; }
};

class Sampling {
  public:
    Sampling(SampleRow& row, float* logits, int64_t vocab)
        : row_(row), logits_(logits), vocab_(vocab), blocks_((vocab + BLOCK_LOGITS - 1) / BLOCK_LOGITS),
          scale_(row.scale > 0 ? row.scale : 1.0f) {
        maxima_ = scratch_of<float>(Slot::Scores, size_t(2 * blocks_));
        sums_ = maxima_ + blocks_;
    }

    void choose() {
        row_.token = -1;
        edit();
        if (!survey()) return;
        const bool greedy = row_.scale == 0, wants_logprobs = row_.top_count >= 0;
        const bool has_top_k = row_.top_k > 0 && row_.top_k < vocab_, filters = row_.top_p < 1 || row_.min_p > 0;
        if (wants_logprobs || (!greedy && !has_top_k && (row_.top_p < 1 || !filters))) weigh();
        if (greedy) row_.token = first_highest();
        else if (has_top_k || filters) row_.token = draw_survivor(has_top_k);
        else row_.token = draw_any();
        if (wants_logprobs) report();
    }

  private:
    // In the documented order; the mask last, so that nothing lifts what it forbids.
    void edit() {
        for (int64_t i = 0; i < row_.num_dry; ++i) logits_[row_.dry_ids[i]] -= row_.dry_penalties[i];
        for (int64_t i = 0; i < row_.num_seen; ++i) {
            float& logit = logits_[row_.seen_ids[i]];
            const int32_t count = row_.seen_counts[i];
            if (count > 0) logit -= row_.frequency * float(count) + row_.presence;
            logit = logit > 0 ? logit / row_.repetition : logit * row_.repetition;
        }
        for (int64_t i = 0; i < row_.num_biased; ++i) logits_[row_.bias_ids[i]] += row_.biases[i];
        if (row_.mask == nullptr) return;
        for (int64_t first = 0; first < vocab_; first += 32) {
            const uint32_t word = row_.mask[first / 32];
            if (word == 0xffffffffu) continue;
            const int64_t count = std::min<int64_t>(32, vocab_ - first);
            for (int64_t i = 0; i < count; ++i) logits_[first + i] = (word >> i) & 1 ? logits_[first + i] : NEVER;
        }
    }

    // The 64 logits of a block; those beyond the vocabulary are copied out and padded.
    const float* block(int64_t index, float* padded) const {
        const int64_t first = index * BLOCK_LOGITS, count = vocab_ - first;
        if (count >= BLOCK_LOGITS) return logits_ + first;
        for (int64_t i = 0; i < BLOCK_LOGITS; ++i) padded[i] = i < count ? logits_[first + i] : NEVER;
        return padded;
    }

    // Maxima of the blocks and of the row; false when a logit is NaN or +infinity, or nothing is possible.
    bool survey() {
        const F lowest = set1(-FLT_MAX);
        F broken = zero();
        float padded[BLOCK_LOGITS];
        highest_ = NEVER;
        for (int64_t index = 0; index < blocks_; ++index) {
            const float* x = block(index, padded);
            F most = set1(NEVER);
            UNROLL(4)
            for (int64_t i = 0; i < BLOCK_LOGITS; i += LANES) {
                const F value = load(x + i);
                most = max(value, most);                              // of a NaN and a number, max is the second: here
                broken = fma(max(lowest, value), zero(), broken);     // the number, and here the NaN; infinity * 0 too
            }
            maxima_[index] = largest(most);
            highest_ = std::max(highest_, maxima_[index]);
        }
        return sum(broken) == 0 && highest_ > NEVER;
    }

    float bound_of(float exponent) const { return highest_ + (exponent - SLACK) / scale_; }  // logits of that weight

    // Sum of weights e^(scale * (logit - highest)) of each block and of the row.
    void weigh() {
        const F highest = set1(highest_), scale = set1(scale_);
        float padded[BLOCK_LOGITS];
        total_ = 0;
        for (int64_t index = 0; index < blocks_; ++index) {
            sums_[index] = 0;
            if ((maxima_[index] - highest_) * scale_ < NO_WEIGHT) continue;
            const float* x = block(index, padded);
            F weights = zero();
            UNROLL(4)
            for (int64_t i = 0; i < BLOCK_LOGITS; i += LANES)
                weights = weights + exponential((load(x + i) - highest) * scale);
            sums_[index] = sum(weights);
            total_ += sums_[index];
        }
    }

    int32_t first_highest() const {
        int64_t index = 0;
        while (maxima_[index] != highest_) ++index;
        int64_t id = index * BLOCK_LOGITS;
        while (logits_[id] != highest_) ++id;
        return int32_t(id);
    }

    // Collects the tokens of one block from `bound` on, in order of id.
    void gather_block(int64_t index, float bound) {
        const F highest = set1(highest_), scale = set1(scale_);
        float padded[BLOCK_LOGITS], weights[BLOCK_LOGITS];
        const float* x = block(index, padded);
        for (int64_t i = 0; i < BLOCK_LOGITS; i += LANES)
            store(weights + i, exponential((load(x + i) - highest) * scale));
        for (int64_t i = 0; i < BLOCK_LOGITS; ++i) {
            tokens_[count_] = {int32_t(index * BLOCK_LOGITS + i), x[i], weights[i]};
            count_ += x[i] >= bound;
        }
    }

    void start_gathering() {
        tokens_ = scratch_of<Token>(Slot::Panel, size_t((blocks_ + 1) * BLOCK_LOGITS));
        count_ = 0;
    }

    void gather(float bound) {
        start_gathering();
        bound = std::max(bound, -FLT_MAX);
        for (int64_t index = 0; index < blocks_; ++index)
            if (maxima_[index] >= bound) gather_block(index, bound);
    }

    // Gathers at least the `wanted` highest tokens: as many blocks have a maximum that is not below the bound.
    void gather_highest(int64_t wanted) {
        if (wanted > blocks_) return gather(-FLT_MAX);
        auto* levels = scratch_of<BlockMaximum>(Slot::Partials, size_t(blocks_));
        for (int64_t i = 0; i < blocks_; ++i) levels[i] = {maxima_[i]};
        std::nth_element(levels, levels + wanted - 1, levels + blocks_,
                         [](const BlockMaximum& a, const BlockMaximum& b) { return a.value > b.value; });
        gather(levels[wanted - 1].value);
    }

    void keep_highest(int64_t wanted) {
        gather_highest(wanted);
        if (count_ <= wanted) return;
        std::nth_element(tokens_, tokens_ + wanted, tokens_ + count_, ByRank());
        count_ = wanted;
    }

    double gathered_weight() const {
        double weight = 0;
        for (int64_t i = 0; i < count_; ++i) weight += tokens_[i].weight;
        return weight;
    }

    // Index of the token at which weights, added up in `order`, reach `need`; those that come before it are in front.
    template <class Order>
    int64_t reach(double need, Order order) {
        int64_t low = 0, high = count_;
        while (high - low > 1) {
            const int64_t middle = (low + high) / 2;
            std::nth_element(tokens_ + low, tokens_ + middle, tokens_ + high, order);
            double weight = 0;
            for (int64_t i = low; i < middle; ++i) weight += tokens_[i].weight;
            if (weight >= need) {
                high = middle;
            } else {
                need -= weight;
                low = middle;
            }
        }
        return low;
    }

    // Tokens outside weigh at most min_p of the highest, or together less than what top-p leaves out.
    void gather_likely(double need) {
        if (row_.top_p < 1) {
            gather_highest(std::min(FEW_BLOCKS, blocks_));
            if (gathered_weight() >= need) return;
        }
        float exponent = NO_WEIGHT;
        if (row_.min_p > 0) exponent = std::max(exponent, std::log(row_.min_p));
        if (row_.top_p < 1)
            exponent = std::max(exponent, float(std::log((total_ - need) / double(vocab_))));
        gather(bound_of(exponent));
    }

    int32_t draw_survivor(bool has_top_k) {
        double need = row_.top_p * total_;
        if (has_top_k) {
            keep_highest(row_.top_k);
            need = row_.top_p * gathered_weight();
        } else {
            gather_likely(need);
        }
        if (row_.top_p < 1) count_ = reach(need, ByRank()) + 1;
        if (row_.min_p > 0) {
            const float least = row_.min_p, highest = highest_;
            count_ = std::partition(tokens_, tokens_ + count_, [=](const Token& token) {
                return token.weight > least || token.logit == highest;
            }) - tokens_;
        }
        return tokens_[reach(row_.uniform * gathered_weight(), ById())].id;
    }

    int32_t draw_any() {
        double need = row_.uniform * total_;
        int64_t index = first_highest() / BLOCK_LOGITS;  // should rounding leave need beyond the end
        for (int64_t i = 0; i < blocks_; ++i) {
            if (sums_[i] > 0 && sums_[i] >= need) {
                index = i;
                break;
            }
            need -= sums_[i];
        }
        start_gathering();
        gather_block(index, std::max(bound_of(NO_WEIGHT), -FLT_MAX));
        int64_t at = 0;
        for (; at < count_ - 1 && tokens_[at].weight < need; ++at) need -= tokens_[at].weight;
        return tokens_[at].id;
    }

    float logprob(float logit) const { return (logit - highest_) * scale_ - float(std::log(total_)); }

    void report() {
        row_.logprob = logprob(logits_[row_.token]);
        row_.num_top = 0;
        if (row_.top_count == 0) return;
        keep_highest(std::min<int64_t>(row_.top_count, vocab_));
        std::sort(tokens_, tokens_ + count_, ByRank());
        row_.num_top = int32_t(count_);
        for (int64_t i = 0; i < count_; ++i) {
            row_.top_ids[i] = tokens_[i].id;
            row_.top_logprobs[i] = logprob(tokens_[i].logit);
        }
    }

    SampleRow& row_;
    float* logits_;
    const int64_t vocab_, blocks_;
    const float scale_;
    float highest_ = NEVER;
    double total_ = 0;
    float *maxima_, *sums_;
    Token* tokens_ = nullptr;
    int64_t count_ = 0;
};

void sample(SampleRow& row, float* logits, int64_t vocab) { Sampling(row, logits, vocab).choose(); }

}  // namespace
}  // namespace engine
