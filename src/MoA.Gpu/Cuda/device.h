// What the kernels of this folder need of a device, as PTX: warps of 32, compute capability 8.0 or more. No CUDA header is used.
// The tests have a header of this name that does the same on the processor, by the tables of the PTX ISA.
#pragma once

// A kernel: its name, its arguments' type, threads of a group, and groups that must fit on a multiprocessor.
#define KERNEL(name, Arguments, threads, groups) \
    extern "C" __attribute__((global)) __attribute__((launch_bounds(threads, groups))) void name(const Arguments arguments)
// A function, and one of an object.
#define DEVICE static inline __attribute__((device, always_inline))
#define METHOD inline __attribute__((device, always_inline))

typedef unsigned short u16;
typedef unsigned int u32;

// Sixteen bytes, the most that a thread moves at once.
struct alignas(16) Quad {
    u32 x, y, z, w;
};

struct alignas(8) Pair {
    float x, y;
};

extern __attribute__((shared)) __attribute__((aligned(128))) unsigned char groupMemory[];

// Which thread of its group, and which group.
DEVICE int threadIndex() { return __nvvm_read_ptx_sreg_tid_x(); }
DEVICE int groupIndex() { return __nvvm_read_ptx_sreg_ctaid_x(); }

// Waits for all threads of the group.
DEVICE void barrier() { __syncthreads(); }

// Makes what lanes of the warp did in shared memory known to each other.
DEVICE void warpBarrier() { asm volatile("bar.warp.sync 0xffffffff;" ::: "memory"); }

// Sixteen bytes from global to shared memory, or zeros, in the background. Addresses in shared memory are counted from the
// start of the group's.
DEVICE u32 sharedBase() { return (u32)(unsigned long long)(__attribute__((address_space(3))) unsigned char*)groupMemory; }

DEVICE void copyAsync(u32 to, const Quad* from, bool copy) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedBase() + to), "l"(from), "r"(copy ? 16 : 0) : "memory");
}

// The same of 4, 8 or 16 bytes.
template <int Bytes>
DEVICE void copyAsyncPart(u32 to, const void* from, bool copy) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(sharedBase() + to), "l"(from), "n"(Bytes), "r"(copy ? Bytes : 0) : "memory");
}

// Ends a batch of this thread's copies.
DEVICE void endCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most so many of this thread's batches are under way.
template <int Batches>
DEVICE void awaitCopies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Batches) : "memory");
}

DEVICE void storeShared(u32 at, float value) { asm volatile("st.shared.f32 [%0], %1;" ::"r"(sharedBase() + at), "f"(value) : "memory"); }

DEVICE float loadShared(u32 at) {
    float value;
    asm volatile("ld.shared.f32 %0, [%1];" : "=f"(value) : "r"(sharedBase() + at) : "memory");
    return value;
}

DEVICE void storeShared(u32 at, const u32 (&v)[4]) {
    asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(sharedBase() + at), "r"(v[0]), "r"(v[1]), "r"(v[2]), "r"(v[3]) : "memory");
}

DEVICE void loadShared(u32 (&v)[4], u32 at) {
    asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v[0]), "=r"(v[1]), "=r"(v[2]), "=r"(v[3])
                 : "r"(sharedBase() + at)
                 : "memory");
}

// Four matrices of 8 rows of 16 bytes, whose addresses lanes 0-7, 8-15, 16-23 and 24-31 give.
DEVICE void loadMatrices(u32 (&r)[4], u32 row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(sharedBase() + row)
                 : "memory");
}

// The same, each transposed.
DEVICE void loadTransposed(u32 (&r)[4], u32 row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(sharedBase() + row)
                 : "memory");
}

// c += a·b on a tensor core: 16x16 times 16x8 bfloat16 numbers, sums in F32.
DEVICE void multiplyAdd(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Two floats rounded to bfloat16, the first in the lower half.
DEVICE u32 packBF16(float low, float high) {
    u32 packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

DEVICE float asFloat(u32 bits) { return __builtin_bit_cast(float, bits); }
DEVICE float ofHalf(u32 bits) { return (float)__builtin_bit_cast(_Float16, (u16)bits); }
DEVICE u32 asBits(float value) { return __builtin_bit_cast(u32, value); }

// What the lane holds whose number differs in the bits of Mask.
template <int Mask>
DEVICE float fromLane(float value) {
    float other;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(other) : "f"(value), "n"(Mask));
    return other;
}

// Whether it holds in any lane.
DEVICE bool anyLane(bool value) {
    u32 any;
    asm volatile("{.reg .pred p; setp.ne.u32 p, %1, 0; vote.sync.any.pred p, p, 0xffffffff; selp.u32 %0, 1, 0, p;}"
                 : "=r"(any)
                 : "r"((u32)value));
    return any != 0;
}

DEVICE float powerOfTwo(float x) { return __nvvm_ex2_approx_ftz_f(x); }
