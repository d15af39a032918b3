// Attention of tokens that are being generated, on tensor cores; Kernels/DecodeAttention.cs and DecodeMerge.cs define it. Reading
// the rows is the work here, so that queries and weights are not rounded: each is two bfloat16 numbers, its rounding and what that
// lost, in rows g and g + 8 of the first operand, which eight heads would leave empty.
#include <device.h>

// As in Caches/CacheBlock.cs, DecodeItem.cs.
struct CacheBlock {
    long long start;
    int ringRows, sinkRows;

    METHOD int rows() const { return sinkRows + ringRows; }

    METHOD int slot(int position) const { return position < sinkRows ? position : sinkRows + (position - sinkRows) % ringRows; }
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
    const Quad* memory;  // all caches
    const DecodeItem* items;
    const DecodePiece* pieces;
    const int* visibleRings;
    const float* queries;  // [rows, query heads, size]
    float* outputs;        // [pieces, group, size], weighted but not divided
    float* states;         // [pieces, group, 2]: largest score to base 2, sum of weights
    int pieceCount, keyValueHeads, group;
    float scale;  // of scores, times log2 e
};

// Two numbers as sums of two each.
DEVICE void split(float x, float y, u32& rounded, u32& lost) {
    rounded = packBF16(x, y);
    lost = packBF16(x - asFloat(rounded << 16), y - asFloat(rounded & 0xFFFF0000u));
}

// How lanes take rows of bfloat16 numbers out of a stage: keys, then values, all rows in an odd number of quads, so that eight
// rows' quads of one number lie in different banks.
template <int Size>
struct BF16Rows {
    static constexpr int HeadSize = Size, RowQuads = Size / 8, RowBytes = (RowQuads | 1) * sizeof(Quad), StageBytes = 32 * RowBytes;

    // Where a lane's numbers of a part of a head stand, which are two and two of sixteen, and those of two neighbouring outputs.
    DEVICE int first(int part, int half, int lane) { return 16 * part + 8 * half + lane % 4 * 2; }

    template <class Attention>
    DEVICE void copy(const Attention& attention, int row, u32 to) {
        const Quad* keys = attention.arguments.memory + attention.item.block.start;
        copyTensor(attention, row, to, keys);
        copyTensor(attention, row, to + 16 * RowBytes, keys + (long long)attention.stored() * RowQuads);
    }

    template <class Attention>
    DEVICE void copyTensor(const Attention& attention, int row, u32 to, const Quad* from) {
#pragma unroll
        for (int i = 0; i < 16 * RowQuads; i += 32) {
            int at = (attention.lane + i) / RowQuads, quad = (attention.lane + i) % RowQuads;
            bool there = row + at < attention.rows;
            copyAsync(to + at * RowBytes + quad * sizeof(Quad), from + (there ? (long long)attention.slot(row + at) * RowQuads + quad : 0), there);
        }
    }

    // Scores of keys 8j + 2·(lane % 4) + k of sixteen.
    DEVICE void score(u32 stage, int lane, const u32 (&queries)[Size / 16][4], float (&scores)[2][2]) {
        float sums[2][4] = {};
        u32 keys = stage + (lane / 16 * 8 + lane % 8) * RowBytes + lane / 8 % 2 * sizeof(Quad);
#pragma unroll
        for (int part = 0; part < Size / 16; part++) {
            u32 b[4];
            loadMatrices(b, keys + part * 2 * sizeof(Quad));
            multiplyAdd(sums[0], queries[part], b[0], b[1]);
            multiplyAdd(sums[1], queries[part], b[2], b[3]);
        }
#pragma unroll
        for (int j = 0; j < 2; j++)
#pragma unroll
            for (int k = 0; k < 2; k++)
                scores[j][k] = sums[j][k] + sums[j][2 + k];
    }

    DEVICE void add(u32 stage, int lane, const float (&weights)[2][2], float (&outputs)[Size / 8][4]) {
        u32 a[4], values = stage + 16 * RowBytes + lane % 16 * RowBytes + lane / 16 * sizeof(Quad);
        split(weights[0][0], weights[0][1], a[0], a[1]);
        split(weights[1][0], weights[1][1], a[2], a[3]);
#pragma unroll
        for (int part = 0; part < Size / 16; part++) {
            u32 b[4];
            loadTransposed(b, values + part * 2 * sizeof(Quad));
            multiplyAdd(outputs[2 * part], a, b[0], b[1]);
            multiplyAdd(outputs[2 * part + 1], a, b[2], b[3]);
        }
    }

    DEVICE void store(float* to, int lane, const float (&outputs)[Size / 8][4]) {
#pragma unroll
        for (int j = 0; j < Size / 8; j++)
            *(Pair*)(to + 8 * j + lane % 4 * 2) = Pair{outputs[j][0] + outputs[j][2], outputs[j][1] + outputs[j][3]};
    }
};

// The same of Q8_0, whose quants bfloat16 holds exactly: keys, values, then the scales of 32 numbers each, in the same order. Scales
// of keys go into scores, those of values into weights. Which numbers of sixteen meet in a product is free, so that a lane takes
// four bytes of a key at once; of values it gets two neighbouring numbers of two rows each, and makes of them one output of each
// of two tiles.
template <int Size>
struct Q8Rows {
    static constexpr int HeadSize = Size, RowQuads = Size / 16, RowBytes = (RowQuads | 1) * sizeof(Quad);
    static constexpr int Blocks = Size / 32, ScaleBytes = 2 * Blocks, ScalesAt = 32 * RowBytes, StageBytes = ScalesAt + 32 * ScaleBytes;
    static_assert(ScaleBytes == 4 || ScaleBytes == 8 || ScaleBytes == 16, "");

    DEVICE int first(int part, int half, int lane) { return 16 * part + lane % 4 * 4 + 2 * half; }

    template <class Attention>
    DEVICE void copy(const Attention& attention, int row, u32 to) {
        const Quad* quants = attention.arguments.memory + attention.item.block.start;
        copyTensor(attention, row, to, quants);
        copyTensor(attention, row, to + 16 * RowBytes, quants + (long long)attention.stored() * RowQuads);
        // A lane the scales of a key or of a value.
        const char* scales = (const char*)(quants + 2LL * attention.stored() * RowQuads);
        int at = attention.lane % 16;
        bool there = row + at < attention.rows;
        long long from = there ? attention.slot(row + at) + (long long)(attention.lane / 16) * attention.stored() : 0;
        copyAsyncPart<ScaleBytes>(to + ScalesAt + attention.lane * ScaleBytes, scales + from * ScaleBytes, there);
    }

    template <class Attention>
    DEVICE void copyTensor(const Attention& attention, int row, u32 to, const Quad* from) {
#pragma unroll
        for (int i = 0; i < 16 * RowQuads; i += 32) {
            int at = (attention.lane + i) / RowQuads, quad = (attention.lane + i) % RowQuads;
            bool there = row + at < attention.rows;
            copyAsync(to + at * RowBytes + quad * sizeof(Quad), from + (there ? (long long)attention.slot(row + at) * RowQuads + quad : 0), there);
        }
    }

    DEVICE void score(u32 stage, int lane, const u32 (&queries)[Size / 16][4], float (&scores)[2][2]) {
        scores[0][0] = scores[0][1] = scores[1][0] = scores[1][1] = 0;
#pragma unroll
        for (int block = 0; block < Blocks; block++)
#pragma unroll
            for (int j = 0; j < 2; j++) {
                float sums[4] = {};
#pragma unroll
                for (int part = 2 * block; part < 2 * block + 2; part++) {
                    u32 quants = asBits(loadShared(stage + (8 * j + lane / 4) * RowBytes + 16 * part + lane % 4 * 4));
                    multiplyAdd(sums, queries[part], pair(quants, 0, 1), pair(quants, 2, 3));
                }
#pragma unroll
                for (int k = 0; k < 2; k++)
                    scores[j][k] += (sums[k] + sums[2 + k]) * scale(stage, 8 * j + lane % 4 * 2 + k, block);
            }
    }

    DEVICE void add(u32 stage, int lane, const float (&weights)[2][2], float (&outputs)[Size / 8][4]) {
        u32 values = stage + 16 * RowBytes + lane % 16 * RowBytes + lane / 16 * sizeof(Quad);
#pragma unroll
        for (int block = 0; block < Blocks; block++) {
            u32 a[4], b[4];
#pragma unroll
            for (int j = 0; j < 2; j++) {
                int row = 16 + 8 * j + lane % 4 * 2;
                split(weights[j][0] * scale(stage, row, block), weights[j][1] * scale(stage, row + 1, block), a[2 * j], a[2 * j + 1]);
            }
            loadTransposed(b, values + 32 * block);
#pragma unroll
            for (int i = 0; i < 4; i++)
                multiplyAdd(outputs[4 * block + i], a, pair(b[i / 2 * 2], i % 2, i % 2 + 2), pair(b[i / 2 * 2 + 1], i % 2, i % 2 + 2));
        }
    }

    DEVICE void store(float* to, int lane, const float (&outputs)[Size / 8][4]) {
#pragma unroll
        for (int j = 0; j < Size / 8; j += 2) {
            const float(&even)[4] = outputs[j], (&odd)[4] = outputs[j + 1];
            *(Quad*)(to + 8 * j + lane % 4 * 4) =
                Quad{asBits(even[0] + even[2]), asBits(odd[0] + odd[2]), asBits(even[1] + even[3]), asBits(odd[1] + odd[3])};
        }
    }

    // The scale of a row of the stage, values after keys.
    DEVICE float scale(u32 stage, int row, int block) {
        u32 two = asBits(loadShared(stage + ScalesAt + row * ScaleBytes + block / 2 * 4));
        return ofHalf(block % 2 ? two >> 16 : two);
    }

    // Two of four signed bytes.
    DEVICE u32 pair(u32 quants, int low, int high) { return packBF16(number(quants, low), number(quants, high)); }

    // With its sign bit inverted, a signed byte is an unsigned one that is 128 larger; 2^23 more is a float that ends in it.
    DEVICE float number(u32 quants, int byte) { return asFloat(((quants ^ 0x80808080u) >> 8 * byte & 0xFF) | 0x4B000000u) - 8388736.0f; }
};

// A warp attends from up to eight query heads of a group to a piece of their KV head. Sixteen rows at a time are copied
// Stages - 1 times ahead, each warp into memory of its own, so that much is under way whatever the registers hold.
template <class Format, int Warps, int Stages>
struct DecodeAttention {
    static constexpr int Sink = 64, Heads = 8, Rows = 16, Size = Format::HeadSize, Parts = Size / 16;

    const DecodeArguments& arguments;
    DecodePiece piece;
    DecodeItem item;
    int lane, index, head, heads, rows, steps;
    int slotInSink, firstInRing, slotInRing, windowStart, bandStart;
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
        memory = threadIndex() / 32 * (Stages * Format::StageBytes);
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
        slotInSink = item.block.slot(item.firstInSink);
        slotInRing = position < item.position + 1 ? item.block.slot(position) : 0;
        steps = (rows + Rows - 1) / Rows;
#pragma unroll
        for (int step = 0; step < Stages - 1; step++)
            copy(step, step);
    }

    METHOD void load() {
        // Lanes past the last head work on it and store nothing.
        int mine = lane / 4 < heads ? lane / 4 : heads - 1;
        windowStart = item.position - item.window + 1;
        bandStart = item.position - arguments.visibleRings[item.rings + head + mine] + 1;
        const float* from = arguments.queries + (((long long)item.row * arguments.keyValueHeads + item.head) * arguments.group + head + mine) * Size;
#pragma unroll
        for (int part = 0; part < Parts; part++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                Pair pair = *(const Pair*)(from + Format::first(part, half, lane));
                split(pair.x, pair.y, queries[part][2 * half], queries[part][2 * half + 1]);
            }
        largest = -1e30f;
        sum = 0;
#pragma unroll
        for (int j = 0; j < Size / 8; j++)
#pragma unroll
            for (int k = 0; k < 4; k++)
                outputs[j][k] = 0;
    }

    METHOD void attend() {
        int stage = 0, next = Stages - 1;
        for (int step = 0; step < steps; step++) {
            awaitCopies<Stages - 2>();
            warpBarrier();
            copy(step + Stages - 1, next);
            weigh(step * Rows, memory + stage * Format::StageBytes);
            stage = stage == Stages - 1 ? 0 : stage + 1;
            next = next == Stages - 1 ? 0 : next + 1;
        }
    }

    METHOD void copy(int step, int stage) {
        if (step < steps)
            Format::copy(*this, step * Rows, memory + stage * Format::StageBytes);
        endCopies();
    }

    METHOD int stored() const { return item.block.rows(); }

    // Where a row of the piece stands.
    METHOD int slot(int row) const {
        int at = piece.first + row, slot = at < item.sinkRows ? slotInSink + at : slotInRing + at - firstInRing;
        return slot < stored() ? slot : slot - item.block.ringRows;
    }

    METHOD bool sees(int row) const {
        int at = piece.first + row, position = at < item.sinkRows ? item.firstInSink + at : item.oldest + at - item.sinkRows;
        return row < rows && position >= windowStart && (position < Sink || position >= bandStart);
    }

    METHOD void weigh(int row, u32 stage) {
        float weights[2][2], most = largest;
        Format::score(stage, lane, queries, weights);
#pragma unroll
        for (int j = 0; j < 2; j++)
#pragma unroll
            for (int k = 0; k < 2; k++) {
                weights[j][k] = sees(row + 8 * j + lane % 4 * 2 + k) ? weights[j][k] * arguments.scale : -__builtin_inff();
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
        Format::add(stage, lane, weights, outputs);
    }

    METHOD void store() {
        sum += fromLane<1>(sum);
        sum += fromLane<2>(sum);
        if (lane / 4 >= heads)
            return;
        long long to = (long long)index * arguments.group + head + lane / 4;
        Format::store(arguments.outputs + to * Size, lane, outputs);
        if (lane % 4 == 0)
            *(Pair*)(arguments.states + 2 * to) = Pair{largest, sum};
    }
};

// Heads of these sizes. Shared memory: Format::StageBytes of each stage and warp.
KERNEL(decode_attention_64, DecodeArguments, 64, 4) { DecodeAttention<BF16Rows<64>, 2, 4>::run(arguments); }
KERNEL(decode_attention_80, DecodeArguments, 64, 4) { DecodeAttention<BF16Rows<80>, 2, 3>::run(arguments); }
KERNEL(decode_attention_96, DecodeArguments, 64, 4) { DecodeAttention<BF16Rows<96>, 2, 3>::run(arguments); }
KERNEL(decode_attention_128, DecodeArguments, 64, 4) { DecodeAttention<BF16Rows<128>, 2, 3>::run(arguments); }
KERNEL(decode_attention_256, DecodeArguments, 32, 4) { DecodeAttention<BF16Rows<256>, 1, 3>::run(arguments); }
KERNEL(decode_attention_q8_64, DecodeArguments, 64, 4) { DecodeAttention<Q8Rows<64>, 2, 4>::run(arguments); }
KERNEL(decode_attention_q8_128, DecodeArguments, 64, 4) { DecodeAttention<Q8Rows<128>, 2, 4>::run(arguments); }

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
