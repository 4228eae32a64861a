// Activations made ready for products with several matrices.
#pragma once
#include <initializer_list>

#include "api.h"
#include "pool.h"

namespace engine {

// Rounds x (tokens, columns) into scratch memory as products with `matrices` (null: none) need it. Valid until the next
// call on this thread.
inline Input input_of(const Kernels& kernels, Precision precision, const float* x, int64_t stride, int64_t columns,
                      int64_t tokens, std::initializer_list<const Matrix*> matrices) {
    Input input{x, stride, tokens, {}, nullptr, 0};
    for (const Matrix* matrix : matrices) {
        const Form form = matrix ? kernels.form(matrix->format, precision) : PLAIN;
        if (form == PLAIN || input.lines[form]) continue;
        constexpr Slot SLOTS[] = {Slot::Count, Slot::Bfloats, Slot::OneByte, Slot::TwoBytes};
        constexpr int64_t SURPLUS = 16;  // lines that kernels for a fixed number of tokens may read beyond the last
        const int64_t count = (columns + 31) / 32 * tokens * (form == TWO_BYTES ? 2 : 1);
        Line* lines = scratch_of<Line>(SLOTS[form], size_t(count + SURPLUS));
        constexpr int64_t STEP = 16;
        parallel((tokens + STEP - 1) / STEP, [&](int64_t chunk) {
            const int64_t last = (chunk + 1) * STEP;
            kernels.round(form, x, stride, columns, tokens, chunk * STEP, last < tokens ? last : tokens, lines);
        });
        input.lines[form] = lines;
    }
    return input;
}

}  // namespace engine
