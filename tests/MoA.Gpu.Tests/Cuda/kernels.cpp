// All kernels of src/MoA.Gpu/Cuda, on the processor. Each source is a program of its own: what they name alike stays apart.
#include <device.h>

namespace decode {
#include "decode_attention.cu"
}
namespace prefill {
#include "prefill_attention.cu"
}
namespace product {
#include "product.cu"
}

// Bytes of what is read from memory, for the tests to compare with theirs.
extern "C" const int sizes[] = {sizeof(decode::DecodeItem), sizeof(decode::DecodePiece), sizeof(prefill::PrefillTile), sizeof(prefill::PrefillHead)};
