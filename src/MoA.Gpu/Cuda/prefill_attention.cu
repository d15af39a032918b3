// Block-sparse causal attention of prompt rows on tensor cores; Kernels/PrefillAttention.cs defines it, and says what is seen.
// Softmax as FlashAttention-2 does it: online, in F32 and base 2, weights rounded to bfloat16 before they meet the values.
#include <device.h>

// As in Caches/CacheBlock.cs, PrefillTile.cs.
struct CacheBlock {
    long long start;
    int ringRows, sinkRows;

    METHOD int rows() const { return sinkRows + ringRows; }

    METHOD int slot(int position) const { return position < sinkRows ? position : sinkRows + (position - sinkRows) % ringRows; }
};

struct PrefillTile {
    int segment, row, rows, position;
};

struct PrefillHead {
    CacheBlock block;
    int length, oldest, firstRow;
};

struct PrefillArguments {
    const Quad* memory;  // all caches, bfloat16
    const PrefillTile* tiles;
    const PrefillHead* heads;  // [segments, KV heads]
    const int* visibleRings;   // [segments, query heads]
    const float* queries;      // [rows, query heads, size]
    const Quad* keys;          // [rows, KV heads, size] bfloat16
    const Quad* values;        // the same
    float* outputs;            // [rows, query heads, size]
    int tileCount, keyValueHeads, group;
    int tileHeads;  // query heads of a group that share a tile: 1, or 2 of at most half as many rows each
    int window;
    float scale;  // of scores, times log2 e
};

// A group of threads attends from a tile: up to 128 rows of one query head, or 64 of two that share their keys. A warp has
// 16·Tiles rows of it. Keys and values come in steps of so many positions, either all of the sink or none; those of the next
// step are copied while this one is worked on. Rows that nobody in the tile sees are not read but zeros. In shared memory a
// row has an odd number of quads: eight rows' quads of one number lie in different banks. Of the queries, Kept parts of sixteen
// numbers stay in registers, the others in shared memory: more would spill.
template <int Size, int Steps, int Tiles, int Warps, int Kept>
struct PrefillAttention {
    static constexpr int Threads = 32 * Warps, Block = 64, Sink = 64;
    static constexpr int RowQuads = Size / 8, RowBytes = (RowQuads | 1) * sizeof(Quad), Parts = Size / 16, StepParts = Steps / 16;
    static constexpr int TensorBytes = Steps * RowBytes, QueryBytes = Warps * Tiles * (Parts - Kept) * 32 * sizeof(Quad);
    static_assert(Size % 16 == 0 && Kept > 0 && Sink % Steps == 0 && Block % Steps == 0, "");

    const PrefillArguments& arguments;
    PrefillTile tile;
    PrefillHead held;
    int thread, lane, warp, head;
    int windowStart, bandStart, end;             // what anyone in the tile sees: the sink or from bandStart on, windowStart to end
    int sinkFirst, sinkSteps, bandFirst, steps;  // in steps
    int slotOfBand;                              // of the first row of the band's first step, where that is held
    int queryHead, warpRow, ringBlocks;          // the warp's head, its first row, and what its head sees
    u32 kept[Tiles][Kept][4];
    float outputs[Tiles][Size / 8][4], scores[Tiles][Steps / 8][4], largest[Tiles][2], sums[Tiles][2];

    DEVICE void run(const PrefillArguments& arguments) {
        PrefillAttention attention(arguments);
        attention.loadQueries();
        attention.attend();
        attention.store();
    }

    METHOD PrefillAttention(const PrefillArguments& given) : arguments(given) {
        thread = threadIndex();
        lane = thread % 32;
        warp = thread / 32;
        // Long rows first, so that short ones fill up the end.
        int parts = arguments.group / arguments.tileHeads, all = arguments.keyValueHeads * parts;
        tile = arguments.tiles[arguments.tileCount - 1 - groupIndex() / all];
        int part = groupIndex() % all;
        head = part / parts;
        held = arguments.heads[tile.segment * arguments.keyValueHeads + head];

        int warpsPerHead = Warps / arguments.tileHeads, firstHead = part * arguments.tileHeads;
        queryHead = firstHead + warp / warpsPerHead;
        warpRow = warp % warpsPerHead * (16 * Tiles);
        const int* rings = arguments.visibleRings + tile.segment * arguments.keyValueHeads * arguments.group;
        ringBlocks = rings[queryHead] / Block;
        int widest = rings[firstHead] / Block;
        for (int i = 1; i < arguments.tileHeads; i++)
            widest = larger(widest, rings[firstHead + i] / Block);

        end = tile.position + tile.rows;
        windowStart = larger(0, tile.position - arguments.window + 1);
        bandStart = larger(larger(Sink, smaller(held.oldest, held.length)), (tile.position / Block - widest + 1) * Block);
        sinkFirst = windowStart / Steps;
        sinkSteps = larger(0, (smaller(end, Sink) + Steps - 1) / Steps - sinkFirst);
        bandFirst = larger(bandStart, windowStart) / Steps;
        steps = sinkSteps + larger(0, (end + Steps - 1) / Steps - bandFirst);
        slotOfBand = bandFirst * Steps < held.length ? held.block.slot(bandFirst * Steps) : 0;
    }

    DEVICE int larger(int a, int b) { return a > b ? a : b; }

    DEVICE int smaller(int a, int b) { return a < b ? a : b; }

    // The first position of a step.
    METHOD int start(int step) const {
        return (step < sinkSteps ? sinkFirst + step : bandFirst + step - sinkSteps) * Steps;
    }

    // The warp's queries as the first operand of products, in the order in which lanes read them; some stay in registers.
    METHOD void loadQueries() {
#pragma unroll
        for (int i = 0; i < Tiles; i++) {
            const float* upper = query(warpRow + 16 * i + lane / 4);
            const float* lower = query(warpRow + 16 * i + lane / 4 + 8);
#pragma unroll
            for (int k = 0; k < Parts; k++) {
                int at = 16 * k + lane % 4 * 2;
                u32 fragment[4] = {pack(upper, at), pack(lower, at), pack(upper, at + 8), pack(lower, at + 8)};
                if (k < Kept)
                    __builtin_memcpy(kept[i][k], fragment, sizeof fragment);
                else
                    storeShared(queryFragment(i, k), fragment);
            }
        }
    }

    METHOD u32 queryFragment(int i, int k) const {
        return (((warp * Tiles + i) * (Parts - Kept) + k - Kept) * 32 + lane) * sizeof(Quad);
    }

    METHOD const float* query(int row) const {
        return row < tile.rows ? arguments.queries + at(row) : nullptr;
    }

    METHOD long long at(int row) const {
        return ((long long)(tile.row + row) * (arguments.keyValueHeads * arguments.group) + queryHead) * Size;
    }

    DEVICE u32 pack(const float* row, int at) {
        Pair pair = row ? *(const Pair*)(row + at) : Pair{0, 0};
        return packBF16(pair.x, pair.y);
    }

    METHOD void attend() {
#pragma unroll
        for (int i = 0; i < Tiles; i++) {
            largest[i][0] = largest[i][1] = -1e30f;
            sums[i][0] = sums[i][1] = 0;
#pragma unroll
            for (int j = 0; j < Size / 8; j++)
#pragma unroll
                for (int k = 0; k < 4; k++)
                    outputs[i][j][k] = 0;
        }

        copy(0);
        for (int step = 0; step < steps; step++) {
            awaitCopies<0>();
            barrier();
            copy(step + 1);
            work(start(step), QueryBytes + step % 2 * 2 * TensorBytes);
        }
    }

    // Keys and values of a step; a thread a quad of each. As a rule somebody sees all of its rows, and they stand together.
    METHOD void copy(int step) {
        if (step < steps) {
            int first = start(step), stored = held.block.rows();
            int slot = first < Sink ? first : slotOfBand + first - bandFirst * Steps;
            if (slot >= stored)
                slot = held.block.slot(slot);
            bool isNew = first >= held.length;
            const Quad* cached = arguments.memory + held.block.start;
            int stride = isNew ? arguments.keyValueHeads * RowQuads : RowQuads;
            long long at = isNew ? newRow(first) : (long long)slot * RowQuads;
            const Quad* keys = (isNew ? arguments.keys : cached) + at;
            const Quad* values = (isNew ? arguments.values : cached + (long long)stored * RowQuads) + at;
            bool whole = first >= windowStart && first + Steps <= end && (first < Sink || first >= bandStart);
            u32 to = QueryBytes + step % 2 * 2 * TensorBytes;
            if (whole && (isNew || (first + Steps <= held.length && slot + Steps <= stored))) {
#pragma unroll
                for (int i = 0; i < Steps * RowQuads; i += Threads) {
                    int row = (thread + i) / RowQuads, quad = (thread + i) % RowQuads;
                    if (Steps * RowQuads % Threads == 0 || row < Steps)
                        copyRow(to, row, quad, keys + row * stride + quad, values + row * stride + quad, true);
                }
            } else {
                for (int i = thread; i < Steps * RowQuads; i += Threads) {
                    int row = i / RowQuads, quad = i % RowQuads, position = first + row, place = slot + row;
                    if (place >= stored)
                        place = held.block.slot(place);
                    bool seen = position >= windowStart && position < end && (position < Sink || position >= bandStart);
                    const Quad* key = position < held.length ? cached + (long long)place * RowQuads : arguments.keys + newRow(position);
                    const Quad* value = position < held.length ? cached + ((long long)stored + place) * RowQuads : arguments.values + newRow(position);
                    copyRow(to, row, quad, seen ? key + quad : arguments.keys, seen ? value + quad : arguments.keys, seen);
                }
            }
        }
        endCopies();
    }

    METHOD long long newRow(int position) const {
        return ((long long)(held.firstRow + position - held.length) * arguments.keyValueHeads + head) * RowQuads;
    }

    METHOD void copyRow(u32 to, int row, int quad, const Quad* key, const Quad* value, bool seen) {
        to += row * RowBytes + quad * sizeof(Quad);
        copyAsync(to, key, seen);
        copyAsync(to + TensorBytes, value, seen);
    }

    // The first position that a row sees among those of a step, if there is none before the step.
    METHOD int firstSeen(int position, int first) const {
        int inWindow = position - arguments.window + 1;
        return first < Sink ? inWindow : larger(larger(inWindow, bandStart), (position / Block - ringBlocks + 1) * Block);
    }

    METHOD void work(int first, u32 keys) {
        int rows = smaller(16 * Tiles, tile.rows - warpRow), position = tile.position + warpRow;
        if (rows <= 0 || first > position + rows - 1 || first + Steps <= firstSeen(position, first))
            return;
        score(keys);
        if (first + Steps - 1 > position || first < firstSeen(position + 16 * Tiles - 1, first))
            hide(first, position);
        weigh();
        add(keys + TensorBytes);
    }

    METHOD void score(u32 keys) {
#pragma unroll
        for (int i = 0; i < Tiles; i++)
#pragma unroll
            for (int j = 0; j < Steps / 8; j++)
#pragma unroll
                for (int k = 0; k < 4; k++)
                    scores[i][j][k] = 0;
        keys += (lane / 16 * 8 + lane % 8) * RowBytes + lane / 8 % 2 * sizeof(Quad);
#pragma unroll
        for (int k = 0; k < Parts; k++) {
            u32 a[Tiles][4];
#pragma unroll
            for (int i = 0; i < Tiles; i++) {
                if (k < Kept)
                    __builtin_memcpy(a[i], kept[i][k], sizeof a[i]);
                else
                    loadShared(a[i], queryFragment(i, k));
            }
#pragma unroll
            for (int j = 0; j < StepParts; j++) {
                u32 b[4];
                loadMatrices(b, keys + j * 16 * RowBytes + k * 2 * sizeof(Quad));
#pragma unroll
                for (int i = 0; i < Tiles; i++) {
                    multiplyAdd(scores[i][2 * j], a[i], b[0], b[1]);
                    multiplyAdd(scores[i][2 * j + 1], a[i], b[2], b[3]);
                }
            }
        }
    }

    METHOD void hide(int first, int position) {
#pragma unroll
        for (int i = 0; i < Tiles; i++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int row = position + 16 * i + 8 * half + lane / 4, from = firstSeen(row, first);
#pragma unroll
                for (int j = 0; j < Steps / 8; j++)
#pragma unroll
                    for (int k = 0; k < 2; k++) {
                        int key = first + 8 * j + lane % 4 * 2 + k;
                        if (key < from || key > row)
                            scores[i][j][2 * half + k] = -__builtin_inff();
                    }
            }
    }

    // Scores become weights; what was found so far is scaled to the new maxima.
    METHOD void weigh() {
        float scale = arguments.scale, corrections[Tiles][2];
        bool grown = false;
#pragma unroll
        for (int i = 0; i < Tiles; i++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float most = largest[i][half];
#pragma unroll
                for (int j = 0; j < Steps / 8; j++)
#pragma unroll
                    for (int k = 0; k < 2; k++)
                        most = __builtin_fmaxf(most, scores[i][j][2 * half + k]);
                most = __builtin_fmaxf(most, fromLane<1>(most));
                most = __builtin_fmaxf(most, fromLane<2>(most));
                float shift = most * scale, sum = 0;
                grown |= most > largest[i][half];
                corrections[i][half] = powerOfTwo((largest[i][half] - most) * scale);
                largest[i][half] = most;
#pragma unroll
                for (int j = 0; j < Steps / 8; j++)
#pragma unroll
                    for (int k = 0; k < 2; k++) {
                        float weight = powerOfTwo(__builtin_fmaf(scores[i][j][2 * half + k], scale, -shift));
                        scores[i][j][2 * half + k] = weight;
                        sum += weight;
                    }
                sums[i][half] = sums[i][half] * corrections[i][half] + sum;
            }
        if (anyLane(grown))
#pragma unroll
            for (int i = 0; i < Tiles; i++)
#pragma unroll
                for (int j = 0; j < Size / 8; j++)
#pragma unroll
                    for (int k = 0; k < 4; k++)
                        outputs[i][j][k] *= corrections[i][k / 2];
    }

    // The scores' places in registers are those of a first operand.
    METHOD void add(u32 values) {
        values += lane % 16 * RowBytes + lane / 16 * sizeof(Quad);
#pragma unroll
        for (int k = 0; k < StepParts; k++) {
            u32 a[Tiles][4];
#pragma unroll
            for (int i = 0; i < Tiles; i++)
#pragma unroll
                for (int m = 0; m < 4; m++)
                    a[i][m] = packBF16(scores[i][2 * k + m / 2][m % 2 * 2], scores[i][2 * k + m / 2][m % 2 * 2 + 1]);
#pragma unroll
            for (int j = 0; j < Parts; j++) {
                u32 b[4];
                loadTransposed(b, values + k * 16 * RowBytes + j * 2 * sizeof(Quad));
#pragma unroll
                for (int i = 0; i < Tiles; i++) {
                    multiplyAdd(outputs[i][2 * j], a[i], b[0], b[1]);
                    multiplyAdd(outputs[i][2 * j + 1], a[i], b[2], b[3]);
                }
            }
        }
    }

    METHOD void store() {
#pragma unroll
        for (int i = 0; i < Tiles; i++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float sum = sums[i][half];
                sum += fromLane<1>(sum);
                sum += fromLane<2>(sum);
                float inverse = 1 / sum;
                int row = warpRow + 16 * i + 8 * half + lane / 4;
                if (row < tile.rows) {
                    float* to = arguments.outputs + at(row) + lane % 4 * 2;
#pragma unroll
                    for (int j = 0; j < Size / 8; j++)
                        *(Pair*)(to + 8 * j) = Pair{outputs[i][j][2 * half] * inverse, outputs[i][j][2 * half + 1] * inverse};
                }
            }
    }
};

// Heads of these sizes. Shared memory: PrefillAttention::QueryBytes and four times TensorBytes.
KERNEL(prefill_attention_64, PrefillArguments, 128, 2) { PrefillAttention<64, 64, 2, 4, 2>::run(arguments); }
KERNEL(prefill_attention_80, PrefillArguments, 128, 2) { PrefillAttention<80, 32, 2, 4, 3>::run(arguments); }
KERNEL(prefill_attention_96, PrefillArguments, 128, 2) { PrefillAttention<96, 32, 2, 4, 3>::run(arguments); }
KERNEL(prefill_attention_128, PrefillArguments, 128, 2) { PrefillAttention<128, 32, 2, 4, 4>::run(arguments); }
KERNEL(prefill_attention_256, PrefillArguments, 256, 1) { PrefillAttention<256, 32, 1, 8, 4>::run(arguments); }
