// A device of src/MoA.Gpu/Cuda/device.h on the processor: the kernels' source runs unchanged, every thread as a context of
// its own, one at a time. What the warp does together follows the tables of the PTX ISA (mma.m16n8k16, ldmatrix), written
// from there, not from the kernels. Asynchronous copies arrive as late as they may. Any access to shared memory whose order
// nothing settles is an error, and so is a bank conflict of ldmatrix.
#pragma once

#include <cstdint>
#include <cstring>

#define DEVICE static inline
#define METHOD inline
#define KERNEL(name, Arguments, threads, groups)                                                             \
    static void name(const Arguments arguments);                                                             \
    static const device::Kernel name##Kernel(#name, sizeof(Arguments), threads,                              \
                                             [](const void* arguments) { name(*(const Arguments*)arguments); }); \
    static void name(const Arguments arguments)

typedef uint16_t u16;
typedef uint32_t u32;

struct alignas(16) Quad {
    u32 x, y, z, w;
};

struct alignas(8) Pair {
    float x, y;
};

namespace device {

// A kernel that can be launched by its name.
struct Kernel {
    Kernel(const char* name, size_t argumentBytes, int threads, void (*run)(const void*));
    const char* name;
    size_t argumentBytes;
    int threads;
    void (*run)(const void*);
    Kernel* next;
};

// What the lanes of a warp do together: each gives words and gets words.
typedef void (*Together)(const u32 given[32][10], u32 taken[32][4]);

int threadIndex();
int groupIndex();
void barrier();
void together(Together operation, const u32* given, int givenWords, u32* taken, int takenWords);
void copyAsync(u32 to, const void* from, u32 bytes, bool copy);
void endCopies();
float ofHalf(u32 bits);
void awaitCopies(int batches);
void readShared(u32 at, void* to, u32 bytes);
void writeShared(u32 at, const void* from, u32 bytes);
void multiply(const u32 given[32][10], u32 taken[32][4]);
void readMatrices(const u32 given[32][10], u32 taken[32][4]);
void readTransposed(const u32 given[32][10], u32 taken[32][4]);
void settle(const u32 given[32][10], u32 taken[32][4]);
void vote(const u32 given[32][10], u32 taken[32][4]);
template <int Mask>
void exchange(const u32 given[32][10], u32 taken[32][4]) {
    for (int lane = 0; lane < 32; lane++)
        taken[lane][0] = given[lane ^ Mask][0];
}
float powerOfTwo(float x);
u32 roundToBF16(float x);

}  // namespace device

DEVICE int threadIndex() { return device::threadIndex(); }
DEVICE int groupIndex() { return device::groupIndex(); }
DEVICE void barrier() { device::barrier(); }
DEVICE void warpBarrier() {
    u32 none = 0;
    device::together(device::settle, &none, 1, &none, 0);
}
DEVICE void copyAsync(u32 to, const Quad* from, bool copy) { device::copyAsync(to, from, 16, copy); }
template <int Bytes>
DEVICE void copyAsyncPart(u32 to, const void* from, bool copy) { device::copyAsync(to, from, Bytes, copy); }
DEVICE void endCopies() { device::endCopies(); }
template <int Batches>
DEVICE void awaitCopies() { device::awaitCopies(Batches); }
DEVICE void storeShared(u32 at, float value) { device::writeShared(at, &value, 4); }
DEVICE void storeShared(u32 at, const u32 (&v)[4]) { device::writeShared(at, v, 16); }
DEVICE void loadShared(u32 (&v)[4], u32 at) { device::readShared(at, v, 16); }
DEVICE void loadMatrices(u32 (&r)[4], u32 row) { device::together(device::readMatrices, &row, 1, r, 4); }
DEVICE void loadTransposed(u32 (&r)[4], u32 row) { device::together(device::readTransposed, &row, 1, r, 4); }

DEVICE float loadShared(u32 at) {
    float value;
    device::readShared(at, &value, 4);
    return value;
}

DEVICE void multiplyAdd(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    u32 given[10] = {a[0], a[1], a[2], a[3], b0, b1}, taken[4];
    memcpy(given + 6, c, sizeof c);
    device::together(device::multiply, given, 10, taken, 4);
    memcpy(c, taken, sizeof c);
}

DEVICE float asFloat(u32 bits) { return __builtin_bit_cast(float, bits); }
DEVICE float ofHalf(u32 bits) { return device::ofHalf(bits & 0xFFFF); }
DEVICE u32 asBits(float value) { return __builtin_bit_cast(u32, value); }

DEVICE u32 packBF16(float low, float high) { return device::roundToBF16(low) | device::roundToBF16(high) << 16; }

template <int Mask>
DEVICE float fromLane(float value) {
    u32 given, taken;
    memcpy(&given, &value, 4);
    device::together(device::exchange<Mask>, &given, 1, &taken, 1);
    memcpy(&value, &taken, 4);
    return value;
}

DEVICE bool anyLane(bool value) {
    u32 given = value, taken;
    device::together(device::vote, &given, 1, &taken, 1);
    return taken != 0;
}

DEVICE float powerOfTwo(float x) { return device::powerOfTwo(x); }
