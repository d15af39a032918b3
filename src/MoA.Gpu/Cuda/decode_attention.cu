// Attention of tokens that are being generated, on tensor cores; Kernels/DecodeAttention.cs defines it, and what it leaves for
// Kernels/DecodeMerge.cs. Reading the rows is the work here, so that queries and weights are not rounded: each is two bfloat16
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
};

struct DecodePiece {
    int item, first;
};

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
    static constexpr int Sink = 64, RowsPerPiece = 128, Heads = 8, Rows = 16, Parts = Size / 16;
    static constexpr int RowQuads = Size / 8, RowBytes = (RowQuads | 1) * sizeof(Quad), TensorBytes = Rows * RowBytes, StageBytes = 2 * TensorBytes;

    const DecodeArguments& arguments;
    DecodePiece piece;
    DecodeItem item;
    long long first;  // of the warp's heads, in queries
    int lane, index, head, heads, rows;
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
        attention.load();
        attention.attend();
        attention.store();
    }

    METHOD DecodeAttention(const DecodeArguments& arguments, int index, int head) : arguments(arguments), index(index), head(head) {
        lane = threadIndex() % 32;
        memory = threadIndex() / 32 * (Stages * StageBytes);
        piece = arguments.pieces[index];
        item = arguments.items[piece.item];
        int left = item.sinkRows + item.position + 1 - item.oldest - piece.first;
        rows = left < RowsPerPiece ? left : RowsPerPiece;
    }

    METHOD void load() {
        heads = arguments.group - head;
        firstInRing = piece.first > item.sinkRows ? piece.first : item.sinkRows;
        int position = item.oldest + firstInRing - item.sinkRows;
        slotInRing = position < item.position + 1 ? Sink + (position - Sink) % item.block.ringRows : 0;

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
        int steps = (rows + Rows - 1) / Rows;
#pragma unroll
        for (int step = 0; step < Stages - 1; step++)
            copy(step, steps, memory + step * StageBytes);
        int stage = 0, next = Stages - 1;
        for (int step = 0; step < steps; step++) {
            awaitCopies<Stages - 2>();
            warpBarrier();
            copy(step + Stages - 1, steps, memory + next * StageBytes);
            weigh(step * Rows, memory + stage * StageBytes);
            stage = stage == Stages - 1 ? 0 : stage + 1;
            next = next == Stages - 1 ? 0 : next + 1;
        }
    }

    // Keys and values of sixteen rows; a lane a quad of each.
    METHOD void copy(int step, int steps, u32 to) {
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
