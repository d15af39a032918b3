// results (+)= inputs·weights' on tensor cores, or inputs·weights: both operands rows of bfloat16 numbers, sums in F32.
#include <device.h>

struct ProductArguments {
    const Quad* inputs;   // [rows, inputQuads], eight numbers a quad, the first depth of which are summed
    const Quad* weights;  // [weightRows, weightQuads]
    float* results;       // [rows, stride], stride even
    int rows, outputs, depth, inputQuads, weightRows, weightQuads, stride;
    int add;  // 1 to add to what stands there
};

// A group of threads makes a tile of Rows x Outputs sums. Its eight warps stand in teams, each of which has the whole tile,
// a warp WarpRows x WarpOutputs of it; teams share out the numbers that are summed and are added up at the end, in order.
// What a team takes at a time, 64 numbers of each row, is copied several times ahead. In shared memory a row of 64 has 128
// bytes, in which quad q stands at q ^ row % 8: eight rows' quads of one number lie in different banks. Back: what is summed
// are rows of the weights, of which a stage has 64, each the outputs of the tile.
template <int Rows, int Outputs, int WarpRows, int WarpOutputs, int Stages, bool Back = false>
struct Product {
    static constexpr int Threads = 256, Warps = Threads / 32, RowBytes = 128, RowQuads = 8, Band = 16;
    static constexpr int WarpsAcross = Outputs / WarpOutputs, TeamWarps = Rows / WarpRows * WarpsAcross, Teams = Warps / TeamWarps;
    static constexpr int StageBytes = Teams * (Rows + Outputs) * RowBytes;
    static constexpr int Down = WarpRows / 16, Across = WarpOutputs / 8;
    static_assert(Teams * Rows % (Threads / 8) == 0 && Teams * Outputs % (Threads / 8) == 0 && Across % 2 == 0, "");
    static constexpr int Depth = RowQuads * 8, BackQuads = Outputs / 8, BackBytes = Outputs * 2;
    static_assert(!Back || BackQuads % 8 == 0, "");

    const ProductArguments& arguments;
    int thread, lane, team, warpRow, warpOutput, firstRow, firstOutput;
    float sums[Down][Across][4];

    DEVICE void run(const ProductArguments& arguments) {
        Product product(arguments);
        product.multiply();
        product.join();
        product.store();
    }

    METHOD Product(const ProductArguments& given) : arguments(given) {
        thread = threadIndex();
        lane = thread % 32;
        int warp = thread / 32;
        team = warp / TeamWarps;
        warpRow = warp % TeamWarps / WarpsAcross * WarpRows;
        warpOutput = warp % WarpsAcross * WarpOutputs;

        // Tiles of the same outputs follow each other, sixteen at most: they find the weights in the cache.
        int down = (arguments.rows + Rows - 1) / Rows, across = (arguments.outputs + Outputs - 1) / Outputs;
        int band = groupIndex() / (Band * across), within = groupIndex() % (Band * across);
        int height = down - band * Band < Band ? down - band * Band : Band;
        firstRow = (band * Band + within % height) * Rows;
        firstOutput = within / height * Outputs;
#pragma unroll
        for (int i = 0; i < Down; i++)
#pragma unroll
            for (int j = 0; j < Across; j++)
#pragma unroll
                for (int k = 0; k < 4; k++)
                    sums[i][j][k] = 0;
    }

    METHOD void multiply() {
        int steps = (arguments.depth + Teams * RowQuads - 1) / (Teams * RowQuads);
#pragma unroll
        for (int step = 0; step < Stages - 1; step++)
            copy(step, steps, step);
        int stage = 0, next = Stages - 1;
        for (int step = 0; step < steps; step++) {
            awaitCopies<Stages - 2>();
            barrier();
            copy(step + Stages - 1, steps, next);
            multiplyStage(stage * StageBytes);
            stage = stage == Stages - 1 ? 0 : stage + 1;
            next = next == Stages - 1 ? 0 : next + 1;
        }

        awaitCopies<0>();
    }

    METHOD void copy(int step, int steps, int stage) {
        if (step < steps) {
            u32 inputs = stage * StageBytes, weights = inputs + Teams * Rows * RowBytes;
            copyRows<Rows>(arguments.inputs, firstRow, arguments.rows, arguments.inputQuads, arguments.depth, step, inputs);
            if (Back)
                copyBack(step, weights);
            else
                copyRows<Outputs>(arguments.weights, firstOutput, arguments.weightRows, arguments.weightQuads, arguments.depth, step, weights);
        }
        endCopies();
    }

    // A thread a quad of every 32nd row.
    template <int Count>
    METHOD void copyRows(const Quad* from, int first, int end, int quads, int depth, int step, u32 to) {
        int row = thread / RowQuads, quad = thread % RowQuads;
        to += row * RowBytes + ((quad ^ row % 8) * sizeof(Quad));
#pragma unroll
        for (int i = 0; i < Teams * Count; i += Threads / RowQuads) {
            int source = first + (row + i) % Count, at = (step * Teams + (row + i) / Count) * RowQuads + quad;
            bool there = source < end && at < depth;
            copyAsync(to + i * RowBytes, there ? from + (long long)source * quads + at : from, there);
        }
    }

    METHOD void copyBack(int step, u32 to) {
        int row = thread / BackQuads, quad = thread % BackQuads, column = firstOutput / 8 + quad;
#pragma unroll
        for (int i = 0; i < Teams * Depth; i += Threads / BackQuads) {
            int source = step * Teams * Depth + row + i;
            bool there = source < arguments.weightRows && column < arguments.weightQuads;
            const Quad* from = there ? arguments.weights + (long long)source * arguments.weightQuads + column : arguments.weights;
            copyAsync(to + (row + i) * BackBytes + (quad ^ (row + i) % 8) * sizeof(Quad), from, there);
        }
    }

    METHOD void multiplyStage(u32 stage) {
        u32 a[2][Down][4], b[2][Across / 2][4];
        load(a[0], b[0], stage, 0);
#pragma unroll
        for (int k = 0; k < Depth / 16; k++) {
            if (k + 1 < Depth / 16)
                load(a[(k + 1) % 2], b[(k + 1) % 2], stage, k + 1);
#pragma unroll
            for (int i = 0; i < Down; i++)
#pragma unroll
                for (int j = 0; j < Across; j++)
                    multiplyAdd(sums[i][j], a[k % 2][i], b[k % 2][j / 2][j % 2 * 2], b[k % 2][j / 2][j % 2 * 2 + 1]);
        }
    }

    // The operands of sixteen of the numbers that are summed. Lanes' addresses go down 8 rows, and then of inputs on to the
    // next 8 and to the next quad, of weights first to the next quad.
    METHOD void load(u32 (&a)[Down][4], u32 (&b)[Across / 2][4], u32 stage, int k) {
        int swap = lane % 8;
        u32 inputs = stage + (team * Rows + warpRow + lane % 16) * RowBytes + ((2 * k + lane / 16) ^ swap) * sizeof(Quad);
#pragma unroll
        for (int i = 0; i < Down; i++)
            loadMatrices(a[i], inputs + i * 16 * RowBytes);
        u32 weights = stage + (Teams * Rows + team * Outputs) * RowBytes;
#pragma unroll
        for (int j = 0; j < Across / 2; j++) {
            if (Back) {
                u32 quad = (warpOutput / 8 + 2 * j + lane / 16) ^ swap;
                loadTransposed(b[j], weights + (16 * k + lane % 16) * BackBytes + quad * sizeof(Quad));
            } else {
                u32 quad = (2 * k + lane / 8 % 2) ^ swap;
                loadMatrices(b[j], weights + (warpOutput + 16 * j + lane / 16 * 8 + swap) * RowBytes + quad * sizeof(Quad));
            }
        }
    }

    // Adds the other teams' sums to those of the first.
    METHOD void join() {
        if (Teams == 1)
            return;
        u32 at = (thread % (TeamWarps * 32)) * sizeof(float);
        barrier();
        if (team > 0) {
#pragma unroll
            for (int i = 0; i < Down * Across * 4; i++)
                storeShared(at + place(team, i), sums[i / (Across * 4)][i / 4 % Across][i % 4]);
        }
        barrier();
        if (team == 0) {
#pragma unroll
            for (int other = 1; other < Teams; other++)
#pragma unroll
                for (int i = 0; i < Down * Across * 4; i++)
                    sums[i / (Across * 4)][i / 4 % Across][i % 4] += loadShared(at + place(other, i));
        }
    }

    DEVICE u32 place(int team, int i) {
        return ((team - 1) * Down * Across * 4 + i) * TeamWarps * 32 * sizeof(float);
    }

    METHOD void store() {
        if (team > 0)
            return;
#pragma unroll
        for (int i = 0; i < Down; i++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int row = firstRow + warpRow + i * 16 + half * 8 + lane / 4;
                if (row < arguments.rows) {
                    float* results = arguments.results + (long long)row * arguments.stride;
#pragma unroll
                    for (int j = 0; j < Across; j++)
                        storePair(results, firstOutput + warpOutput + j * 8 + lane % 4 * 2, sums[i][j][2 * half], sums[i][j][2 * half + 1]);
                }
            }
    }

    METHOD void storePair(float* results, int output, float x, float y) {
        if (output + 1 < arguments.outputs) {
            Pair* to = (Pair*)(results + output);
            Pair before = arguments.add ? *to : Pair{0, 0};
            *to = Pair{before.x + x, before.y + y};
        } else if (output < arguments.outputs) {
            results[output] = (arguments.add ? results[output] : 0) + x;
        }
    }
};

// For few rows, where reading the weights is all the work, and for many. Shared memory: Product::StageBytes of each stage.
KERNEL(product_16x32, ProductArguments, 256, 2) { Product<16, 32, 16, 16, 4>::run(arguments); }
KERNEL(product_32x32, ProductArguments, 256, 2) { Product<32, 32, 32, 16, 3>::run(arguments); }
KERNEL(product_64x32, ProductArguments, 256, 2) { Product<64, 32, 32, 16, 4>::run(arguments); }
KERNEL(product_64x64, ProductArguments, 256, 2) { Product<64, 64, 32, 32, 3>::run(arguments); }
KERNEL(product_128x128, ProductArguments, 256, 1) { Product<128, 128, 64, 32, 3>::run(arguments); }
KERNEL(product_128x256, ProductArguments, 256, 1) { Product<128, 256, 64, 64, 3>::run(arguments); }
KERNEL(product_back_64x64, ProductArguments, 256, 2) { Product<64, 64, 32, 32, 3, true>::run(arguments); }
KERNEL(product_back_128x128, ProductArguments, 256, 1) { Product<128, 128, 64, 32, 3, true>::run(arguments); }
KERNEL(product_back_128x256, ProductArguments, 256, 1) { Product<128, 256, 64, 64, 3, true>::run(arguments); }
