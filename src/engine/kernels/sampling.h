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
constexpr int BINS = 8, BIN_PASSES = 3;   // each pass over the weights narrows the edge of top-p to an eighth
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

// Weights whose exponents are at least `bound`, zero elsewhere.
INLINE F weights_from(F exponents, F bound, F weights) {
#if defined(__AVX512F__)
    return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(exponents.v, bound.v, _CMP_GE_OQ), weights.v)};
#elif defined(__AVX2__)
    return {_mm256_and_ps(_mm256_cmp_ps(exponents.a, bound.a, _CMP_GE_OQ), weights.a),
            _mm256_and_ps(_mm256_cmp_ps(exponents.b, bound.b, _CMP_GE_OQ), weights.b)};
#else
    return each<F>([&](int i) { return exponents.v[i] >= bound.v[i] ? weights.v[i] : 0.0f; });
#endif
}

class Sampling {
  public:
    Sampling(SampleRow& row, float* logits, int64_t vocab)
        : row_(row), logits_(logits), vocab_(vocab), blocks_((vocab + BLOCK_LOGITS - 1) / BLOCK_LOGITS),
          scale_(row.scale > 0 ? row.scale : 1.0f) {
        maxima_ = scratch_of<float>(Slot::Scores, size_t(2 * blocks_));
        sums_ = maxima_ + blocks_;
        weights_ = scratch_of<float>(Slot::Activations, size_t(blocks_ * BLOCK_LOGITS));
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

    // Weights e^(scale * (logit - highest)), and their sums over each block and the row.
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
            for (int64_t i = 0; i < BLOCK_LOGITS; i += LANES) {
                const F weight = exponential((load(x + i) - highest) * scale);
                store(weights_ + index * BLOCK_LOGITS + i, weight);
                weights = weights + weight;
            }
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

    // Keeps the highest tokens that together reach `need`.
    void keep_share(double need) { count_ = reach(need, ByRank()) + 1; }

    void keep_likely() {
        const float least = row_.min_p, highest = highest_;
        count_ = std::partition(tokens_, tokens_ + count_, [=](const Token& token) {
            return token.weight > least || token.logit == highest;
        }) - tokens_;
    }

    void gather_likely() {
        gather(bound_of(std::max(NO_WEIGHT, std::log(row_.min_p))));
        keep_likely();
    }

    int32_t draw_survivor(bool has_top_k) {
        if (has_top_k) {
            keep_highest(row_.top_k);
            if (row_.top_p < 1) keep_share(row_.top_p * gathered_weight());
            if (row_.min_p > 0) keep_likely();
        } else if (row_.top_p < 1) {
            const double need = row_.top_p * total_;
            gather_highest(std::min(FEW_BLOCKS, blocks_));
            if (gathered_weight() >= need) {
                keep_share(need);
                if (row_.min_p > 0) keep_likely();
            } else {
                if (row_.min_p > 0) gather_likely();
                if (row_.min_p == 0 || gathered_weight() >= need) return draw_from_many(need);
            }
        } else {
            gather_likely();
        }
        return tokens_[reach(row_.uniform * gathered_weight(), ById())].id;
    }

    float exponent_of(float logit) const { return (logit - highest_) * scale_; }

    // Sums of the weights from each of the bounds first + i * width on.
    void weigh_bins(float first, float width, double* sums) const {
        const F highest = set1(highest_), scale = set1(scale_);
        float padded[BLOCK_LOGITS];
        F bounds[BINS], parts[BINS];
        for (int bin = 0; bin < BINS; ++bin) bounds[bin] = set1(first + float(bin) * width), parts[bin] = zero();
        for (int64_t index = 0; index < blocks_; ++index) {
            if (sums_[index] == 0) continue;
            const float* x = block(index, padded);
            for (int64_t i = 0; i < BLOCK_LOGITS; i += LANES) {
                const F exponents = (load(x + i) - highest) * scale, weights = load(weights_ + index * BLOCK_LOGITS + i);
                UNROLL(8)
                for (int bin = 0; bin < BINS; ++bin)
                    parts[bin] = parts[bin] + weights_from(exponents, bounds[bin], weights);
            }
        }
        for (int bin = 0; bin < BINS; ++bin) sums[bin] = sum(parts[bin]);
    }

    // Top-p that keeps many tokens: passes over all weights narrow down where its edge is, and only tokens beside the
    // edge are gathered. Others are drawn by the sums of their blocks.
    int32_t draw_from_many(double need) {
        // tokens below the first bound weigh less, all together, than what is left out
        float first = float(std::log((total_ - need) / double(vocab_))) - SLACK, upper = 1, width = -first / BINS;
        double above = 0, sums[BINS];
        for (int pass = 0; pass < BIN_PASSES; ++pass, width /= BINS) {
            weigh_bins(first, width, sums);
            int bin = BINS - 1;
            while (bin > 0 && sums[bin] < need) --bin;
            if (bin + 1 < BINS) {
                above = sums[bin + 1];
                upper = first + float(bin + 1) * width;
            }
            first = first + float(bin) * width;
        }
        gather_edge(first, upper);
        count_ = count_ > 0 ? reach(need - above, ByRank()) + 1 : 0;
        double total = 0;
        for (int64_t i = 0; i < count_; ++i) sums_[tokens_[i].id / BLOCK_LOGITS] += tokens_[i].weight;
        for (int64_t index = 0; index < blocks_; ++index) total += sums_[index];
        double target = row_.uniform * total;
        const int64_t index = block_at(target);
        count_ = std::partition(tokens_, tokens_ + count_,
                                [=](const Token& token) { return token.id / BLOCK_LOGITS == index; }) - tokens_;
        for (int64_t id = index * BLOCK_LOGITS; id < std::min(vocab_, (index + 1) * BLOCK_LOGITS); ++id)
            if (exponent_of(logits_[id]) >= upper) tokens_[count_++] = {int32_t(id), logits_[id], weights_[id]};
        return tokens_[reach(target, ById())].id;
    }

    // Gathers the tokens with exponents in [first, upper); the sums of blocks become those from `upper` on.
    void gather_edge(float first, float upper) {
        const F highest = set1(highest_), scale = set1(scale_);
        float padded[BLOCK_LOGITS];
        start_gathering();
        for (int64_t index = 0; index < blocks_; ++index) {
            if (sums_[index] == 0) continue;
            const float* x = block(index, padded);
            const float* weights = weights_ + index * BLOCK_LOGITS;
            F from_first = zero(), from_upper = zero();
            for (int64_t i = 0; i < BLOCK_LOGITS; i += LANES) {
                const F exponents = (load(x + i) - highest) * scale;
                from_first = from_first + weights_from(exponents, set1(first), load(weights + i));
                from_upper = from_upper + weights_from(exponents, set1(upper), load(weights + i));
            }
            sums_[index] = sum(from_upper);
            if (sum(from_first) == sums_[index]) continue;
            for (int64_t i = 0; i < BLOCK_LOGITS; ++i) {
                const float exponent = exponent_of(x[i]);
                tokens_[count_] = {int32_t(index * BLOCK_LOGITS + i), x[i], weights[i]};
                count_ += exponent >= first && exponent < upper;
            }
        }
    }

    // The block in which the sums of blocks reach `need`, which becomes what is needed of that block.
    int64_t block_at(double& need) const {
        int64_t last = 0;  // should rounding leave need beyond the end
        for (int64_t index = 0; index < blocks_; ++index) {
            if (sums_[index] == 0) continue;
            last = index;
            if (sums_[index] >= need) break;
            need -= sums_[index];
        }
        return last;
    }

    int32_t draw_any() {
        double need = row_.uniform * total_;
        const int64_t index = block_at(need);
        start_gathering();
        gather_block(index, std::max(bound_of(NO_WEIGHT), -FLT_MAX));
        return tokens_[reach(need, ById())].id;
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
    float *maxima_, *sums_, *weights_;
    Token* tokens_ = nullptr;
    int64_t count_ = 0;
};

void sample(SampleRow& row, float* logits, int64_t vocab) { Sampling(row, logits, vocab).choose(); }

}  // namespace
}  // namespace engine
