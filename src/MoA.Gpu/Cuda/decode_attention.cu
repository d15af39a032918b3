// Attention of tokens that are being generated, on tensor cores; Kernels/DecodeAttention.cs and DecodeMerge.cs define it. Reading the rows is the work here, so that queries and weights are not rounded: each is two bfloat16
// numbers, its rounding and what that lost, in rows g and g + 8 of the first operand, which eight heads would leave empty.
#include <device.h>

// As in Caches/CacheBlock.cs, DecodeItem.cs.
struct CacheBlock {
    long long start;
    int ringRows;
};

struct DecodeItem {
    CacheBlock block;
    int row, head, position, window, rings;
    int firstInSink, sinkRows, oldest;
    int firstPiece;

    METHOD int rows() const { return sinkRows + position + 1 - oldest; }
};

struct DecodePiece {
    int item, first;
};

constexpr int RowsPerPiece = 128;

struct DecodeArguments {
    const Quad* memory;  // all caches, bfloat16
    const DecodeItem* items;
    const DecodePiece* pieces;
    const int* visibleRings;
    const float* queries;  // [rows, query heads, size]
    float* outputs;        // [pieces, group, size], weighted but not divided
    float* states;         // [pieces, group, 2]: largest score to base 2, sum of weights
    int pieceCount, keyValueHeads, group;
    float scale;  // of scores, times log2 e
};

// A warp attends from up to eight query heads of a group to a piece of their KV head. Sixteen rows at a time are copied
// Stages - 1 times ahead, each warp into memory of its own, so that much is under way whatever the registers hold. In shared
// memory a row has an odd number of quads: eight rows' quads of one number lie in different banks.
template <int Size, int Warps, int Stages>
struct DecodeAttention {
    static constexpr int Sink = 64, Heads = 8, Rows = 16, Parts = Size / 16;
    static constexpr int RowQuads = Size / 8, RowBytes = (RowQuads | 1) * sizeof(Quad), TensorBytes = Rows * RowBytes, StageBytes = 2 * TensorBytes;

    const DecodeArguments& arguments;
    DecodePiece piece;
    DecodeItem item;
    long long first;  // of the warp's heads, in queries
    int lane, index, head, heads, rows, steps;
    int firstInRing, slotInRing, windowStart, bandStart;
    u32 memory, queries[Parts][4];
    float outputs[Size / 8][4], largest, sum;

    DEVICE void run(const DecodeArguments& arguments) {
        int tiles = (arguments.group + Heads - 1) / Heads, warp = groupIndex() * Warps + threadIndex() / 32;
        if (warp >= arguments.pieceCount * tiles)
            return;
        DecodeAttention attention(arguments, warp / tiles, warp % tiles * Heads);
        if (attention.rows <= 0)  // not there yet
            return;
        attention.begin();
        attention.load();
        attention.attend();
        attention.store();
    }

    METHOD DecodeAttention(const DecodeArguments& arguments, int index, int head) : arguments(arguments), index(index), head(head) {
        lane = threadIndex() % 32;
        memory = threadIndex() / 32 * (Stages * StageBytes);
        piece = arguments.pieces[index];
        item = arguments.items[piece.item];
        int left = item.rows() - piece.first;
        rows = left < RowsPerPiece ? left : RowsPerPiece;
    }

    // Where the rows stand; copies begin before anything else is read.
    METHOD void begin() {
        heads = arguments.group - head;
        firstInRing = piece.first > item.sinkRows ? piece.first : item.sinkRows;
        int position = item.oldest + firstInRing - item.sinkRows;
        slotInRing = position < item.position + 1 ? Sink + (position - Sink) % item.block.ringRows : 0;
        steps = (rows + Rows - 1) / Rows;
#pragma unroll
        for (int step = 0; step < Stages - 1; step++)
            copy(step, memory + step * StageBytes);
    }

    METHOD void load() {
        // Lanes past the last head work on it and store nothing.
        int mine = lane / 4 < heads ? lane / 4 : heads - 1;
        windowStart = item.position - item.window + 1;
        bandStart = item.position - arguments.visibleRings[item.rings + head + mine] + 1;
        first = (((long long)item.row * arguments.keyValueHeads + item.head) * arguments.group + head + mine) * Size;
#pragma unroll
        for (int k = 0; k < Parts; k++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                Pair pair = *(const Pair*)(arguments.queries + first + 16 * k + 8 * half + lane % 4 * 2);
                split(pair.x, pair.y, queries[k][2 * half], queries[k][2 * half + 1]);
            }
        largest = -1e30f;
        sum = 0;
#pragma unroll
        for (int j = 0; j < Size / 8; j++)
#pragma unroll
            for (int k = 0; k < 4; k++)
                outputs[j][k] = 0;
    }

    // Two numbers as sums of two each.
    DEVICE void split(float x, float y, u32& rounded, u32& lost) {
        rounded = packBF16(x, y);
        lost = packBF16(x - asFloat(rounded << 16), y - asFloat(rounded & 0xFFFF0000u));
    }

    METHOD void attend() {
        int stage = 0, next = Stages - 1;
        for (int step = 0; step < steps; step++) {
            awaitCopies<Stages - 2>();
            warpBarrier();
            copy(step + Stages - 1, memory + next * StageBytes);
            weigh(step * Rows, memory + stage * StageBytes);
            stage = stage == Stages - 1 ? 0 : stage + 1;
            next = next == Stages - 1 ? 0 : next + 1;
        }
    }

    // Keys and values of sixteen rows; a lane a quad of each.
    METHOD void copy(int step, u32 to) {
        if (step < steps) {
            int stored = Sink + item.block.ringRows;
            const Quad* keys = arguments.memory + item.block.start;
            const Quad* values = keys + (long long)stored * RowQuads;
#pragma unroll
            for (int i = 0; i < Rows * RowQuads; i += 32) {
                int row = (lane + i) / RowQuads, quad = (lane + i) % RowQuads, at = piece.first + step * Rows + row;
                bool there = step * Rows + row < rows;
                int slot = at < item.sinkRows ? item.firstInSink + at : slotInRing + at - firstInRing;
                slot -= slot < stored ? 0 : item.block.ringRows;
                long long from = there ? (long long)slot * RowQuads + quad : 0;
                copyAsync(to + row * RowBytes + quad * sizeof(Quad), keys + from, there);
                copyAsync(to + TensorBytes + row * RowBytes + quad * sizeof(Quad), values + from, there);
            }
        }
        endCopies();
    }

    METHOD bool sees(int row) const {
        int at = piece.first + row, position = at < item.sinkRows ? item.firstInSink + at : item.oldest + at - item.sinkRows;
        return row < rows && position >= windowStart && (position < Sink || position >= bandStart);
    }

    METHOD void weigh(int row, u32 stage) {
        float scores[2][4] = {};
        u32 keys = stage + (lane / 16 * 8 + lane % 8) * RowBytes + lane / 8 % 2 * sizeof(Quad);
#pragma unroll
        for (int k = 0; k < Parts; k++) {
            u32 b[4];
            loadMatrices(b, keys + k * 2 * sizeof(Quad));
            multiplyAdd(scores[0], queries[k], b[0], b[1]);
            multiplyAdd(scores[1], queries[k], b[2], b[3]);
        }

        float weights[2][2], most = largest;
#pragma unroll
        for (int j = 0; j < 2; j++)
#pragma unroll
            for (int k = 0; k < 2; k++) {
                float score = (scores[j][k] + scores[j][2 + k]) * arguments.scale;
                weights[j][k] = sees(row + 8 * j + lane % 4 * 2 + k) ? score : -__builtin_inff();
                most = __builtin_fmaxf(most, weights[j][k]);
            }
        most = __builtin_fmaxf(most, fromLane<1>(most));
        most = __builtin_fmaxf(most, fromLane<2>(most));
        float correction = powerOfTwo(largest - most);
        largest = most;
        sum *= correction;
#pragma unroll
        for (int j = 0; j < 2; j++)
#pragma unroll
            for (int k = 0; k < 2; k++)
                sum += weights[j][k] = powerOfTwo(weights[j][k] - most);
#pragma unroll
        for (int j = 0; j < Size / 8; j++)
#pragma unroll
            for (int k = 0; k < 4; k++)
                outputs[j][k] *= correction;

        u32 a[4], values = stage + TensorBytes + lane % 16 * RowBytes + lane / 16 * sizeof(Quad);
        split(weights[0][0], weights[0][1], a[0], a[1]);
        split(weights[1][0], weights[1][1], a[2], a[3]);
#pragma unroll
        for (int j = 0; j < Parts; j++) {
            u32 b[4];
            loadTransposed(b, values + j * 2 * sizeof(Quad));
            multiplyAdd(outputs[2 * j], a, b[0], b[1]);
            multiplyAdd(outputs[2 * j + 1], a, b[2], b[3]);
        }
    }

    METHOD void store() {
        sum += fromLane<1>(sum);
        sum += fromLane<2>(sum);
        if (lane / 4 >= heads)
            return;
        long long to = (long long)index * arguments.group + head + lane / 4;
#pragma unroll
        for (int j = 0; j < Size / 8; j++)
            *(Pair*)(arguments.outputs + to * Size + 8 * j + lane % 4 * 2) = Pair{outputs[j][0] + outputs[j][2], outputs[j][1] + outputs[j][3]};
        if (lane % 4 == 0)
            *(Pair*)(arguments.states + 2 * to) = Pair{largest, sum};
    }
};

// Heads of these sizes. Shared memory: DecodeAttention::StageBytes of each stage and warp.
KERNEL(decode_attention_64, DecodeArguments, 64, 4) { DecodeAttention<64, 2, 4>::run(arguments); }
KERNEL(decode_attention_80, DecodeArguments, 64, 4) { DecodeAttention<80, 2, 3>::run(arguments); }
KERNEL(decode_attention_96, DecodeArguments, 64, 4) { DecodeAttention<96, 2, 3>::run(arguments); }
KERNEL(decode_attention_128, DecodeArguments, 64, 4) { DecodeAttention<128, 2, 3>::run(arguments); }
KERNEL(decode_attention_256, DecodeArguments, 32, 4) { DecodeAttention<256, 1, 3>::run(arguments); }

struct MergeArguments {
    const DecodeItem* items;
    const Quad* partials;  // [pieces, group, quads]
    const float* states;   // [pieces, group, 2]
    Quad* outputs;         // [rows, query heads, quads], floats
    int keyValueHeads, group;
    int quads;  // of a head
};

// Joins what the pieces of a query head found; a group of threads a query head. Teams of as many threads as the head has quads
// take pieces in turn, several on their way at once, and are added up in order.
struct MergeAttention {
    static constexpr int Threads = 256, Warps = Threads / 32, LargestAt = Threads * sizeof(Quad), SumAt = LargestAt + Warps * sizeof(float);

    DEVICE void run(const MergeArguments& arguments) {
        int thread = threadIndex(), head = groupIndex() % arguments.group, quads = arguments.quads;
        DecodeItem item = arguments.items[groupIndex() / arguments.group];
        int pieces = (item.rows() + RowsPerPiece - 1) / RowsPerPiece;
        long long first = (long long)item.firstPiece * arguments.group + head;
        const Pair* states = (const Pair*)arguments.states + first;

        float largest = -1e30f, sum = 0;
        for (int piece = thread; piece < pieces; piece += Threads)
            largest = __builtin_fmaxf(largest, states[(long long)piece * arguments.group].x);
        largest = ofWarp<true>(largest);
        if (thread % 32 == 0)
            storeShared(LargestAt + thread / 32 * sizeof(float), largest);
        barrier();
        for (int warp = 0; warp < Warps; warp++)
            largest = __builtin_fmaxf(largest, loadShared(LargestAt + warp * sizeof(float)));
        for (int piece = thread; piece < pieces; piece += Threads) {
            Pair state = states[(long long)piece * arguments.group];
            sum += state.y * powerOfTwo(state.x - largest);
        }
        sum = ofWarp<false>(sum);
        if (thread % 32 == 0)
            storeShared(SumAt + thread / 32 * sizeof(float), sum);

        int teams = Threads / quads, team = thread / quads, quad = thread % quads;
        float outputs[4] = {0, 0, 0, 0};
        if (team < teams) {
            const Quad* partials = arguments.partials + first * quads + quad;
#pragma unroll 8
            for (int piece = team; piece < pieces; piece += teams) {
                float weight = powerOfTwo(states[(long long)piece * arguments.group].x - largest);
                Quad partial = partials[(long long)piece * arguments.group * quads];
                outputs[0] += asFloat(partial.x) * weight;
                outputs[1] += asFloat(partial.y) * weight;
                outputs[2] += asFloat(partial.z) * weight;
                outputs[3] += asFloat(partial.w) * weight;
            }
        }
        u32 bits[4] = {asBits(outputs[0]), asBits(outputs[1]), asBits(outputs[2]), asBits(outputs[3])};
        storeShared(thread * sizeof(Quad), bits);
        barrier();
        if (team > 0)
            return;
        sum = 0;
        for (int warp = 0; warp < Warps; warp++)
            sum += loadShared(SumAt + warp * sizeof(float));
        for (int other = 1; other < teams; other++) {
            loadShared(bits, (other * quads + quad) * sizeof(Quad));
#pragma unroll
            for (int k = 0; k < 4; k++)
                outputs[k] += asFloat(bits[k]);
        }
        float inverse = 1 / sum;
        long long to = (((long long)item.row * arguments.keyValueHeads + item.head) * arguments.group + head) * quads + quad;
        arguments.outputs[to] = Quad{asBits(outputs[0] * inverse), asBits(outputs[1] * inverse), asBits(outputs[2] * inverse), asBits(outputs[3] * inverse)};
    }

    // The largest number or the sum of a warp's.
    template <bool Largest>
    DEVICE float ofWarp(float value) {
        value = join<Largest>(value, fromLane<16>(value));
        value = join<Largest>(value, fromLane<8>(value));
        value = join<Largest>(value, fromLane<4>(value));
        value = join<Largest>(value, fromLane<2>(value));
        return join<Largest>(value, fromLane<1>(value));
    }

    template <bool Largest>
    DEVICE float join(float a, float b) { return Largest ? __builtin_fmaxf(a, b) : a + b; }
};

KERNEL(merge_attention, MergeArguments, 256, 4) { MergeAttention::run(arguments); }
