// See device.h. Launches kernels by name: the tests' counterpart of the driver.
#include "device.h"

#include <ucontext.h>

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <vector>

namespace device {

namespace {

// Who else than one thread may have touched memory: nobody, lanes of a warp (less its number), several warps.
constexpr int Never = -1, Several = -2, LanesOf = -3;
constexpr size_t StackBytes = 128 * 1024;

struct Copy {
    u32 to, bytes;
    const void* from;
};

struct Thread {
    ucontext_t context;
    std::vector<char> stack;
    std::vector<std::vector<Copy>> batches;  // the last one is not ended yet
    bool done, atBarrier;
    int operations;  // of the warp, that it has taken part in
};

struct Warp {
    u32 given[32][10], taken[32][4];
    Together operation;
    int arrived, operations, barriers;
};

// Who touched shared memory, after how many barriers of the group and of the warp.
struct Access {
    int by = Never, groupBarriers = 0, warpBarriers = 0;
};

struct Word {
    int copies = 0;
    Access written, read;
};

Kernel* kernels;
std::vector<Thread> threads;
std::vector<Warp> warps;
std::vector<unsigned char> shared;
std::vector<Word> words;
ucontext_t scheduler;
int current, group, barriers, waiting, left;
const Kernel* kernel;
const void* kernelArguments;
char failure[512];

void toScheduler() { swapcontext(&threads[current].context, &scheduler); }

// Leaves the kernel for good.
[[noreturn]] void fail(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int at = snprintf(failure, sizeof failure, "group %d, thread %d: ", group, current);
    vsnprintf(failure + at, sizeof failure - at, format, arguments);
    va_end(arguments);
    for (;;)
        toScheduler();
}

void run() {
    kernel->run(kernelArguments);
    Thread& thread = threads[current];
    for (auto& batch : thread.batches)
        if (!batch.empty())
            fail("ends with copies under way");
    thread.done = true;
    left--;
    for (;;)
        toScheduler();
}

Word* wordsAt(u32 at, u32 bytes) {
    if (at % bytes != 0 || at + bytes > shared.size())
        fail("%u bytes at %u of shared memory of %zu", bytes, at, shared.size());
    return &words[at / 4];
}

int warpOf(int who) { return who >= 0 ? who / 32 : LanesOf - who; }

Access now(int who) { return {who, barriers, warps[current / 32].barriers}; }

// Whether what was done before is known to this thread, or lanes of its warp.
bool isSettled(const Access& before, int who) {
    if (before.by == Never || (before.by == who && who >= 0) || before.groupBarriers != barriers)
        return true;
    return before.by != Several && warpOf(before.by) == warpOf(who) && before.warpBarriers != warps[warpOf(who)].barriers;
}

void noteRead(u32 at, u32 bytes, int who) {
    Word* word = wordsAt(at, bytes);
    for (u32 i = 0; i < bytes / 4; i++) {
        if (word[i].copies)
            fail("reads %u while it is copied", at + 4 * i);
        if (word[i].written.by == Never)
            fail("reads %u, which nobody wrote", at + 4 * i);
        if (!isSettled(word[i].written, who))
            fail("reads %u, which thread %d wrote after the last barrier", at + 4 * i, word[i].written.by);
        int before = word[i].read.groupBarriers == barriers ? word[i].read.by : Never;
        word[i].read = now(before == Never || before == who ? who : before != Several && warpOf(before) == warpOf(who) ? LanesOf - warpOf(who) : Several);
    }
}

void noteWrite(u32 at, u32 bytes) {
    Word* word = wordsAt(at, bytes);
    for (u32 i = 0; i < bytes / 4; i++) {
        if (word[i].copies)
            fail("writes %u while it is copied", at + 4 * i);
        if (!isSettled(word[i].written, current))
            fail("writes %u, which thread %d wrote after the last barrier", at + 4 * i, word[i].written.by);
        if (!isSettled(word[i].read, current))
            fail("writes %u, which is read after the last barrier", at + 4 * i);
        word[i].written = now(current);
    }
}

float ofBF16(u32 bits) {
    bits <<= 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// PTX ISA, ldmatrix: lane 8m + r gives the address of row r of matrix m; a lane gets numbers 2·(lane % 4) and the next of
// row lane / 4; transposed, numbers lane / 4 of rows 2·(lane % 4) and the next.
void read(const u32 given[32][10], u32 taken[32][4], bool transposed) {
    for (int m = 0; m < 4; m++) {
        u16 matrix[8][8];
        unsigned banks = 0;
        for (int row = 0; row < 8; row++) {
            u32 at = given[8 * m + row][0];
            noteRead(at, 16, LanesOf - current / 32);
            memcpy(matrix[row], &shared[at], 16);
            banks |= 1u << (at / 16 % 8);
        }
        if (banks != 0xFF)
            fail("ldmatrix has bank conflicts: banks %x at %u", banks, given[8 * m][0]);
        for (int lane = 0; lane < 32; lane++) {
            int row = lane / 4, column = lane % 4 * 2;
            taken[lane][m] = transposed ? matrix[column][row] | (u32)matrix[column + 1][row] << 16
                                        : matrix[row][column] | (u32)matrix[row][column + 1] << 16;
        }
    }
}

bool runGroup() {
    for (Thread& thread : threads) {
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.data();
        thread.context.uc_stack.ss_size = thread.stack.size();
        thread.context.uc_link = nullptr;
        makecontext(&thread.context, run, 0);
        thread.batches.assign(1, {});
        thread.done = thread.atBarrier = false;
        thread.operations = 0;
    }
    for (Warp& warp : warps)
        warp.arrived = warp.operations = warp.barriers = 0;
    std::fill(shared.begin(), shared.end(), 0xFF);
    std::fill(words.begin(), words.end(), Word());
    barriers = waiting = 0;
    left = (int)threads.size();

    // A warp runs until all of it waits; the order of warps changes from barrier to barrier.
    int stuck = 0;
    for (int turn = 0; left > 0; turn++) {
        int count = (int)warps.size(), at = turn % count, warp = (barriers + group) % 2 ? count - 1 - at : at;
        bool moved = false, more = true;
        while (more) {
            more = false;
            for (int lane = 0; lane < 32; lane++) {
                Thread& thread = threads[32 * warp + lane];
                if (thread.done || thread.atBarrier || thread.operations > warps[warp].operations)
                    continue;
                current = 32 * warp + lane;
                swapcontext(&scheduler, &thread.context);
                if (failure[0])
                    return false;
                moved = more = true;
            }
        }
        if (left > 0 && waiting == left) {
            for (Thread& thread : threads)
                thread.atBarrier = false;
            waiting = 0;
            barriers++;
            moved = true;
        }
        stuck = moved ? 0 : stuck + 1;
        if (stuck > count)
            snprintf(failure, sizeof failure, "group %d: threads wait for each other", group);
        if (failure[0])
            return false;
    }
    return true;
}

}  // namespace

Kernel::Kernel(const char* name, size_t argumentBytes, int threads, void (*run)(const void*))
    : name(name), argumentBytes(argumentBytes), threads(threads), run(run), next(kernels) {
    kernels = this;
}

int threadIndex() { return current; }

int groupIndex() { return group; }

void barrier() {
    threads[current].atBarrier = true;
    waiting++;
    toScheduler();
}

void together(Together operation, const u32* given, int givenWords, u32* taken, int takenWords) {
    Warp& warp = warps[current / 32];
    int lane = current % 32;
    if (warp.arrived > 0 && warp.operation != operation)
        fail("lanes of a warp do different things together");
    warp.operation = operation;
    memcpy(warp.given[lane], given, givenWords * sizeof(u32));
    threads[current].operations++;
    if (++warp.arrived == 32) {
        operation(warp.given, warp.taken);
        warp.arrived = 0;
        warp.operations++;
    } else {
        toScheduler();
    }
    memcpy(taken, warp.taken[lane], takenWords * sizeof(u32));
}

void settle(const u32 (*)[10], u32 (*)[4]) { warps[current / 32].barriers++; }

void copyAsync(u32 to, const void* from, u32 bytes, bool copy) {
    if ((uintptr_t)from % bytes != 0)
        fail("copies from %p, which %u does not divide", from, bytes);
    noteWrite(to, bytes);
    Word* word = wordsAt(to, bytes);
    for (u32 i = 0; i < bytes / 4; i++)
        word[i].copies++;
    threads[current].batches.back().push_back({to, bytes, copy ? from : nullptr});
}

void endCopies() { threads[current].batches.emplace_back(); }

void awaitCopies(int count) {
    auto& batches = threads[current].batches;
    while ((int)batches.size() - 1 > count) {
        for (Copy copy : batches.front()) {
            if (copy.from)
                memcpy(&shared[copy.to], copy.from, copy.bytes);
            else
                memset(&shared[copy.to], 0, copy.bytes);
            Word* word = wordsAt(copy.to, copy.bytes);
            for (u32 i = 0; i < copy.bytes / 4; i++) {
                word[i].copies--;
                word[i].written = now(current);
            }
        }
        batches.erase(batches.begin());
    }
}

void readShared(u32 at, void* to, u32 bytes) {
    noteRead(at, bytes, current);
    memcpy(to, &shared[at], bytes);
}

void writeShared(u32 at, const void* from, u32 bytes) {
    noteWrite(at, bytes);
    memcpy(&shared[at], from, bytes);
}

// PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type".
void multiply(const u32 given[32][10], u32 taken[32][4]) {
    float a[16][16], b[16][8], c[16][8];
    for (int lane = 0; lane < 32; lane++) {
        int groupOfLane = lane >> 2, threadInGroup = lane % 4;
        for (int i = 0; i < 8; i++) {
            int row = (0 <= i && i < 2) || (4 <= i && i < 6) ? groupOfLane : groupOfLane + 8;
            int column = threadInGroup * 2 + (i & 1) + (i < 4 ? 0 : 8);
            a[row][column] = ofBF16(given[lane][i / 2] >> (16 * (i % 2)) & 0xFFFF);
        }
        for (int i = 0; i < 4; i++)
            b[threadInGroup * 2 + (i & 1) + (i < 2 ? 0 : 8)][groupOfLane] = ofBF16(given[lane][4 + i / 2] >> (16 * (i % 2)) & 0xFFFF);
        for (int i = 0; i < 4; i++)
            memcpy(&c[i < 2 ? groupOfLane : groupOfLane + 8][threadInGroup * 2 + (i & 1)], &given[lane][6 + i], 4);
    }
    for (int row = 0; row < 16; row++) {
        double sums[8];
        for (int column = 0; column < 8; column++)
            sums[column] = c[row][column];
        for (int k = 0; k < 16; k++)
            for (int column = 0; column < 8; column++)
                sums[column] += (double)a[row][k] * b[k][column];
        for (int column = 0; column < 8; column++)
            c[row][column] = (float)sums[column];
    }
    for (int lane = 0; lane < 32; lane++)
        for (int i = 0; i < 4; i++)
            memcpy(&taken[lane][i], &c[i < 2 ? lane >> 2 : (lane >> 2) + 8][lane % 4 * 2 + (i & 1)], 4);
}

void readMatrices(const u32 given[32][10], u32 taken[32][4]) { read(given, taken, false); }

void readTransposed(const u32 given[32][10], u32 taken[32][4]) { read(given, taken, true); }

void vote(const u32 given[32][10], u32 taken[32][4]) {
    u32 any = 0;
    for (int lane = 0; lane < 32; lane++)
        any |= given[lane][0];
    for (int lane = 0; lane < 32; lane++)
        taken[lane][0] = any;
}

// Of finite numbers.
float ofHalf(u32 bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float magnitude = exponent == 0 ? std::ldexp((float)fraction, -24) : std::ldexp((float)(1024 + fraction), exponent - 25);
    return bits & 0x8000 ? -magnitude : magnitude;
}

float powerOfTwo(float x) { return std::exp2(x); }

u32 roundToBF16(float x) {
    u32 bits;
    memcpy(&bits, &x, 4);
    return std::isnan(x) ? 0x7FFF : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

}  // namespace device

// Runs a kernel; what went wrong, or an empty string.
extern "C" const char* launch(const char* name, int groups, int threadCount, int sharedBytes, const void* arguments, int argumentBytes) {
    using namespace device;
    failure[0] = 0;
    for (kernel = kernels; kernel && strcmp(kernel->name, name) != 0;)
        kernel = kernel->next;
    if (!kernel || (int)kernel->argumentBytes != argumentBytes || kernel->threads != threadCount) {
        snprintf(failure, sizeof failure, "no kernel %s of %d threads with %d bytes of arguments", name, threadCount, argumentBytes);
        return failure;
    }
    kernelArguments = arguments;
    threads.resize(threadCount);
    for (Thread& thread : threads)
        thread.stack.resize(StackBytes);
    warps.resize(threadCount / 32);
    shared.resize(sharedBytes);
    words.resize(sharedBytes / 4);
    for (group = 0; group < groups; group++)
        if (!runGroup())
            break;
    return failure;
}
