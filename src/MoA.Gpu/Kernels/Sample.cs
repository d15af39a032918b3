using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Draws the next token of every row of logits, as the engine's <c>Sampler</c> does: temperature, top-k, top-p, min-p, then the
/// first token at which the weights, added up from the likeliest on, exceed the random point (in the order of tokens where nothing
/// is sorted). Nothing is sorted here either: each of these limits is the place in that order where a sum passes a number, and is
/// found digit by digit. Weights are added as integers of 2^-40 of the likeliest, so that no order of threads matters.
/// A group of threads a row; a row that is not finite gives -1.
/// </summary>
internal struct Sample : IDeviceKernel
{
    private const int Digits = 256, TokenBits = 24;
    private const float Unit = 1099511627776f;

    /// <summary>[rows, vocabulary] floats, padded to whole octets.</summary>
    public ArrayView<Quad> Logits;

    public ArrayView<SamplingRow> Rows;

    public ArrayView<int> Tokens;

    public int Vocabulary;

    /// <inheritdoc/>
    public readonly void Run()
    {
        ArrayView<ulong> sums = SharedMemory.Allocate<ulong>(Digits + 2);
        int row = Grid.IdxX;
        SamplingRow options = Rows[row];
        ulong best = Largest(sums, row);
        int token = (int)~(uint)best;
        if (best == ulong.MaxValue || (best >> 32) <= 0x007FFFFF)
        {
            token = -1;
        }
        else if (options.Sharpness > 0)
        {
            bool sorted = options.TopK > 0 || options.TopP < 1;
            Candidates all = new()
            {
                Logits = Logits,
                First = row * RowQuads,
                Vocabulary = Vocabulary,
                Largest = OfOrdered((uint)(best >> 32)),
                Sharpness = options.Sharpness,
                Floor = sorted ? 0 : options.MinP,
                Order = sorted ? uint.MaxValue : 0,
                Limit = ulong.MaxValue,
            };
            token = Draw(sums, all, options, sorted);
        }

        if (Group.IdxX == 0)
            Tokens[row] = token;
    }

    private readonly long RowQuads => Logits.Length / Rows.Length;

    private static int Draw(ArrayView<ulong> sums, Candidates candidates, SamplingRow options, bool sorted)
    {
        if (options.TopK > 0 && (ulong)options.TopK < Total(sums, candidates, weighted: false))
            candidates.Limit = Select(sums, candidates, (ulong)options.TopK, weighted: false);
        if (options.TopP < 1)
        {
            double enough = (double)options.TopP * Total(sums, candidates, weighted: true);
            candidates.Limit = Select(sums, candidates, Math.Max(1, (ulong)Math.Ceiling(enough)), weighted: true);
        }

        if (sorted && options.MinP > 0)
            candidates.Limit = Math.Min(candidates.Limit, Candidates.Key(options.MinP, (1 << TokenBits) - 1, uint.MaxValue));
        ulong point = (ulong)(options.Point * Total(sums, candidates, weighted: true));
        return (int)(Select(sums, candidates, point + 1, weighted: true) & ((1 << TokenBits) - 1));
    }

    // The largest logit, in an order of integers, above the first token that has it, inverted.
    private readonly ulong Largest(ArrayView<ulong> sums, int row)
    {
        if (Group.IdxX == 0)
            sums[0] = 0;
        Group.Barrier();
        ulong largest = 0;
        for (int quad = Group.IdxX; quad < (Vocabulary + 3) / 4; quad += Group.DimX)
        {
            Quad logits = Logits[row * RowQuads + quad];
            largest = Math.Max(largest, Ordered(logits.X, 4 * quad));
            largest = Math.Max(largest, Ordered(logits.Y, 4 * quad + 1));
            largest = Math.Max(largest, Ordered(logits.Z, 4 * quad + 2));
            largest = Math.Max(largest, Ordered(logits.W, 4 * quad + 3));
        }

        Atomic.Max(ref sums[0], largest);
        Group.Barrier();
        largest = sums[0];
        Group.Barrier();
        return largest;
    }

    // Positive infinity and what is no number are larger than everything.
    private readonly ulong Ordered(uint bits, int token)
    {
        if (token >= Vocabulary)
            return 0;
        if ((bits & 0x7FFFFFFF) > 0x7F800000 || bits == 0x7F800000)
            return ulong.MaxValue;
        uint order = bits ^ ((bits & 0x80000000) != 0 ? 0xFFFFFFFF : 0x80000000);
        return (ulong)order << 32 | ~(uint)token;
    }

    private static float OfOrdered(uint order) =>
        Interop.IntAsFloat(order ^ ((order & 0x80000000) != 0 ? 0x80000000 : 0xFFFFFFFF));

    private static ulong Total(ArrayView<ulong> sums, Candidates candidates, bool weighted)
    {
        Clear(sums);
        candidates.Add(sums, prefix: 0, shift: 64, weighted);
        Group.Barrier();
        ulong total = sums[0];
        Group.Barrier();
        return total;
    }

    // The first key in order at which the sum of what stands before it and its own reaches the target.
    private static ulong Select(ArrayView<ulong> sums, Candidates candidates, ulong target, bool weighted)
    {
        ulong prefix = 0;
        for (int shift = candidates.Order == 0 ? TokenBits - 8 : TokenBits + 24; shift >= 0; shift -= 8)
        {
            Clear(sums);
            candidates.Add(sums, prefix, shift, weighted);
            Group.Barrier();
            if (Group.IdxX == 0)
                FindDigit(sums, target);
            Group.Barrier();
            prefix |= sums[Digits] << shift;
            target -= sums[Digits + 1];
            Group.Barrier();
        }

        return prefix;
    }

    // Sums before the digit are at Digits + 1. The target is within the total but for rounding of the point: then the last.
    private static void FindDigit(ArrayView<ulong> sums, ulong target)
    {
        ulong before = 0, lastBefore = 0;
        int last = 0;
        for (int digit = 0; digit < Digits; digit++)
        {
            ulong sum = sums[digit];
            if (sum > 0)
            {
                last = digit;
                lastBefore = before;
            }

            before += sum;
            if (before >= target)
                break;
        }

        sums[Digits] = (ulong)last;
        sums[Digits + 1] = lastBefore;
    }

    private static void Clear(ArrayView<ulong> sums)
    {
        for (int i = Group.IdxX; i < Digits; i += Group.DimX)
            sums[i] = 0;
        Group.Barrier();
    }

    /// <summary>The tokens that are left, in the order of their keys.</summary>
    private struct Candidates
    {
        public ArrayView<Quad> Logits;
        public long First;
        public int Vocabulary;
        public float Largest, Sharpness, Floor;

        // All ones where weights come first, 0 where keys are tokens alone.
        public uint Order;

        // The last key that is left.
        public ulong Limit;

        // A weight's bits are ordered as weights are: inverted, the largest comes first.
        public static ulong Key(float weight, int token, uint order) =>
            (ulong)(~Interop.FloatAsInt(weight) & order) << TokenBits | (uint)token;

        // Adds up those whose digits before the one at the shift are the prefix's, each with its digit.
        public readonly void Add(ArrayView<ulong> sums, ulong prefix, int shift, bool weighted)
        {
            for (int quad = Group.IdxX; quad < (Vocabulary + 3) / 4; quad += Group.DimX)
            {
                Quad logits = Logits[First + quad];
                AddOne(sums, logits.FloatX, 4 * quad, prefix, shift, weighted);
                AddOne(sums, logits.FloatY, 4 * quad + 1, prefix, shift, weighted);
                AddOne(sums, logits.FloatZ, 4 * quad + 2, prefix, shift, weighted);
                AddOne(sums, logits.FloatW, 4 * quad + 3, prefix, shift, weighted);
            }
        }

        private readonly void AddOne(ArrayView<ulong> sums, float logit, int token, ulong prefix, int shift, bool weighted)
        {
            if (token >= Vocabulary)
                return;
            float weight = IntrinsicMath.CPUOnly.Exp2((logit - Largest) * Sharpness);
            ulong key = Key(weight, token, Order), sum = weighted ? (ulong)(weight * Unit) : 1;
            if (weight < Floor || weight == 0 || key > Limit)
                return;
            if (shift == 64)
                Atomic.Add(ref sums[0], sum);
            else if (key >> shift >> 8 == prefix >> shift >> 8)
                Atomic.Add(ref sums[(int)(key >> shift) & (Digits - 1)], sum);
        }
    }
}
