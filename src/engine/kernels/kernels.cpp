// Compiled once for each instruction set; ENGINE_ISA names the variant (see build.py).
// Everything but the table at the end has internal linkage, so that no variant's code can be called by another.
#include <type_traits>

#include "attention.h"
#include "elementwise.h"
#include "linear.h"
#include "sampling.h"

#define JOIN(a, b) a##b
#define TABLE(isa) JOIN(isa, _kernels)
#define QUANTIZE(isa) JOIN(quantize_, isa)
#define TEXT(isa) #isa
#define NAME(isa) TEXT(isa)

namespace engine {

extern const Kernels TABLE(ENGINE_ISA);
int QUANTIZE(ENGINE_ISA)(int format, int type, const void* from, int64_t elements, uint8_t* to);  // quantize.cpp
const Kernels TABLE(ENGINE_ISA) = {
    NAME(ENGINE_ISA), form_of, round_rows, linear, dequantize, rms_norm, rotary, gated, attention, QUANTIZE(ENGINE_ISA),
    sample,
};

}  // namespace engine
