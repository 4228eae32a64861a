#include "decoder.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "input.h"

namespace engine {
namespace {

// One step on its way through the layers.
class Stack {
  public:
    Stack(const Kernels& kernels, const DecoderStep& step)
        : kernels_(kernels), step_(step), tokens_(step.attention.tokens), hidden_(step.hidden),
          queries_(step.attention.heads * step.attention.head_dim),
          keys_(step.attention.kv_heads * step.attention.head_dim) {
        const int64_t attention = 3 * queries_ + 3 * keys_, feed_forward = 3 * step.inner;
        const int64_t widest = attention > feed_forward ? attention : feed_forward;
        residual_ = scratch_of<float>(Slot::Decoder, size_t(tokens_ * (2 * hidden_ + widest)));
        update_ = residual_ + tokens_ * hidden_;
        inside_ = update_ + tokens_ * hidden_;
        adapters_.assign(step.adapters, step.adapters + step.num_adapters);
    }

    void run(const DecoderLayer* layers, int64_t count) {
        kernels_.dequantize(*step_.embedding, step_.token_ids, tokens_, residual_);
        scale(residual_, step_.embedding_scale);
        norm(residual_, step_.first_norm, step_.out, 1, hidden_, hidden_);
        for (int64_t index = 0; index < count; ++index) {
            index_ = index;
            const DecoderLayer& layer = layers[index];
            float* attended = attend(layer, step_.caches[index]);
            if (index + 1 == count && step_.wanted) {
                keep_wanted(attended, attended, queries_);
                keep_wanted(residual_, residual_, hidden_);
                for (AdapterRows& rows : adapters_) rows.start = wanted_before(rows.start), rows.stop = wanted_before(rows.stop);
                tokens_ = step_.num_wanted;
                if (tokens_ == 0) return;
            }
            linear(OUTPUT, *layer.output, input(attended, {layer.output}), update_);
            add(layer.attention_output_norm, layer.feed_forward_norm);
            feed_forward(layer);
            add(layer.feed_forward_output_norm, layer.next_norm);
        }
    }

  private:
    Input input(const float* x, std::initializer_list<const Matrix*> matrices) const {
        const int64_t columns = (*matrices.begin())->columns;
        return input_of(kernels_, precision(), x, columns, columns, tokens_, matrices);
    }

    Precision precision() const { return Precision(step_.precision); }

    // With what the adapters of the tokens add.
    void linear(int product, const Matrix& weight, Input x, float* y) {
        additions_.clear();
        int64_t numbers = 0;
        for (const AdapterRows& rows : adapters_) {
            const LowRank* low_rank = rows.additions[index_ * PRODUCTS + product];
            if (low_rank == nullptr || rows.start == rows.stop) continue;
            additions_.push_back({low_rank, rows.start, rows.stop, nullptr, nullptr});
            numbers += (rows.stop - rows.start) * low_rank->down->rows;
        }
        if (numbers > 0) {
            float* inner = scratch_of<float>(Slot::LowRank, size_t(numbers));
            PairInput* pairs = scratch_of<PairInput>(Slot::LowRankPairs, size_t(numbers / 16));
            for (Addition& addition : additions_) {
                const LowRank& low_rank = *addition.low_rank;
                const auto is_coded = [](const LowRankPart& part) { return part.up->format == Q8_0; };
                addition.inner = inner;
                if (std::any_of(low_rank.begin(), low_rank.end(), is_coded)) addition.pairs = pairs;
                const int64_t used = (addition.stop - addition.start) * low_rank.down->rows;
                inner += used, pairs += used / 16;
            }
            x.additions = additions_.data(), x.num_additions = int64_t(additions_.size());
        }
        kernels_.linear(weight, x, precision(), y);
    }

    int64_t wanted_before(int64_t token) const {
        return std::lower_bound(step_.wanted, step_.wanted + step_.num_wanted, token) - step_.wanted;
    }

    void norm(const float* x, const float* weight, float* out, int64_t groups, int64_t width, int64_t stride) const {
        kernels_.rms_norm(x, nullptr, weight, nullptr, out, tokens_, groups, width, stride, step_.eps);
    }

    void scale(float* x, float factor) const {
        if (factor != 1.0f)
            for (int64_t i = 0; i < tokens_ * hidden_; ++i) x[i] *= factor;
    }

    // Rows of the wanted tokens, moved to the front. `to` may be `from`.
    void keep_wanted(const float* from, float* to, int64_t width) const {
        for (int64_t i = 0; i < step_.num_wanted; ++i)
            std::memmove(to + i * width, from + step_.wanted[i] * width, size_t(width) * sizeof(float));
    }

    // Normalised input in step_.out → what the heads bring, (tokens, queries); writes keys and values into `cache`.
    float* attend(const DecoderLayer& layer, void* cache) {
        Attention a = step_.attention;
        float* query = inside_;
        const bool together = layer.qkv[1] == nullptr;
        const Input normed = input(step_.out, {layer.qkv[0], layer.qkv[1], layer.qkv[2]});
        linear(QKV, *layer.qkv[0], normed, query);
        float* key = together ? query + queries_ : query + tokens_ * queries_;
        float* value = together ? key + keys_ : key + tokens_ * keys_;
        if (!together) {
            linear(QKV + 1, *layer.qkv[1], normed, key);
            linear(QKV + 2, *layer.qkv[2], normed, value);
        }
        a.query_stride = together ? queries_ + 2 * keys_ : queries_;
        a.key_stride = a.value_stride = together ? a.query_stride : keys_;
        float* turned_query = inside_ + tokens_ * (queries_ + 2 * keys_);
        float* turned_key = turned_query + tokens_ * queries_;
        if (layer.query_norm) {
            norm(query, layer.query_norm, turned_query, a.heads, a.head_dim, a.query_stride);
            norm(key, layer.key_norm, turned_key, a.kv_heads, a.head_dim, a.key_stride);
            query = turned_query, a.query_stride = queries_;
            key = turned_key, a.key_stride = keys_;
        }
        if (layer.rotary_table) {
            turn(layer, query, a.query_stride, turned_query, a.heads);
            turn(layer, key, a.key_stride, turned_key, a.kv_heads);
            query = turned_query, a.query_stride = queries_;
            key = turned_key, a.key_stride = keys_;
        }
        float* attended = turned_key + tokens_ * keys_;
        a.query = query, a.key = key, a.value = value, a.out = attended, a.cache = cache;
        a.window = layer.window;
        a.precision = step_.precision;
        kernels_.attention(a);
        return attended;
    }

    // `out` may be `x`.
    void turn(const DecoderLayer& layer, const float* x, int64_t stride, float* out, int64_t heads) const {
        kernels_.rotary(x, stride, out, layer.rotary_table, step_.positions, tokens_, heads, step_.attention.head_dim,
                        layer.rotary_dim);
    }

    // Normalised input in step_.out → update_.
    void feed_forward(const DecoderLayer& layer) {
        if (layer.mixture) return mix_experts(kernels_, *layer.mixture, precision(), step_.out, update_, tokens_);
        const bool together = layer.gate_up[1] == nullptr;
        float* gate = inside_;
        float* up = gate + (together ? step_.inner : tokens_ * step_.inner);
        float* product = gate + 2 * tokens_ * step_.inner;
        const Input normed = input(step_.out, {layer.gate_up[0], layer.gate_up[1]});
        linear(GATE_UP, *layer.gate_up[0], normed, gate);
        if (!together) linear(GATE_UP + 1, *layer.gate_up[1], normed, up);
        kernels_.gated(gate, up, together ? 2 * step_.inner : step_.inner, product, tokens_, step_.inner,
                       step_.activation);
        linear(DOWN, *layer.down, input(product, {layer.down}), update_);
    }

    // Adds update_, itself normalised first if `own_norm`, to the stream; the stream normalised → step_.out.
    void add(const float* own_norm, const float* weight) const {
        if (own_norm) norm(update_, own_norm, update_, 1, hidden_, hidden_);
        scale(update_, step_.residual_scale);
        kernels_.rms_norm(update_, residual_, weight, residual_, step_.out, tokens_, 1, hidden_, hidden_, step_.eps);
    }

    const Kernels& kernels_;
    const DecoderStep& step_;
    int64_t tokens_;  // fewer in the last layer, where only some are wanted
    const int64_t hidden_, queries_, keys_;
    int64_t index_ = 0;  // of the layer
    std::vector<AdapterRows> adapters_;
    std::vector<Addition> additions_;  // of the product
    float *residual_, *update_, *inside_;  // the stream between the layers; what a layer adds; what is inside one
};

}  // namespace

void decoder_step(const Kernels& kernels, const DecoderStep& step, const DecoderLayer* layers, int64_t count) {
    Stack(kernels, step).run(layers, count);
}

}  // namespace engine
