// All kernels of src/MoA.Gpu/Cuda, on the processor.
#include "product.cu"
#include "prefill_attention.cu"
