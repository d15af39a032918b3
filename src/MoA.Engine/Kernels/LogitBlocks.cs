using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// A row of logits, cut into blocks whose largest logits are known, so that what looks for likely tokens passes over most of
/// the vocabulary.
/// </summary>
internal readonly ref struct LogitBlocks
{
    /// <summary>Tokens of a block; the last may have fewer.</summary>
    public const int Size = 256;

    /// <summary>Reads the row once.</summary>
    /// <param name="logits">One number for every token.</param>
    /// <param name="maxima">Room for the largest logit of each block, <see cref="CountOf"/> numbers.</param>
    public LogitBlocks(ReadOnlySpan<float> logits, Span<float> maxima)
    {
        Logits = logits;
        (float largest, float least) = (float.NegativeInfinity, float.PositiveInfinity);
        uint farthest = 0;
        for (int block = 0; block < maxima.Length; block++)
        {
            (float max, float min, uint bits) = Extremes(this[block]);
            maxima[block] = max;
            (largest, least, farthest) = (Math.Max(largest, max), Math.Min(least, min), Math.Max(farthest, bits));
        }

        const uint InfinityBits = 0x7F800000;
        Maxima = maxima;
        Largest = farthest > InfinityBits ? float.NaN : largest;
        Least = least;
    }

    /// <summary>All logits.</summary>
    public ReadOnlySpan<float> Logits { get; }

    /// <summary>The largest of each block.</summary>
    public ReadOnlySpan<float> Maxima { get; }

    /// <summary>The largest logit; NaN if any is no number.</summary>
    public float Largest { get; }

    /// <summary>The least logit.</summary>
    public float Least { get; }

    /// <summary>The logits of a block.</summary>
    public ReadOnlySpan<float> this[int block] => Logits.Slice(block * Size, Math.Min(Size, Logits.Length - block * Size));

    /// <summary>Blocks of a vocabulary.</summary>
    public static int CountOf(int vocabulary) => (vocabulary + Size - 1) / Size;

    /// <summary>
    /// The likelihoods of a block's tokens relative to the likeliest of all, e^((logit - largest)·sharpness); 0 below the floor.
    /// </summary>
    /// <param name="block">Block.</param>
    /// <param name="sharpness">One over the temperature.</param>
    /// <param name="floor">The least logit that counts; finite.</param>
    /// <param name="weights">Room for them, <see cref="Size"/> numbers.</param>
    /// <returns>The weights, as many as the block has tokens.</returns>
    [MethodImpl(JitOptions.Loop)]
    public Span<double> Weigh(int block, double sharpness, float floor, Span<double> weights)
    {
        ReadOnlySpan<float> logits = this[block];
        weights = weights[..logits.Length];
        ref float first = ref MemoryMarshal.GetReference(logits);
        ref double to = ref MemoryMarshal.GetReference(weights);
        Vector256<double> largest = Vector256.Create((double)Largest);
        int i = 0;
        for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(
                Vector256.MaxNative(Vector256.LoadUnsafe(ref first, (nuint)i), Vector256.Create(floor)));
            ((lower - largest) * sharpness).StoreUnsafe(ref to, (nuint)i);
            ((upper - largest) * sharpness).StoreUnsafe(ref to, (nuint)(i + Vector256<double>.Count));
        }

        for (; i < logits.Length; i++)
            weights[i] = ((double)Math.Max(logits[i], floor) - Largest) * sharpness;
        TensorPrimitives.Exp(weights, weights);
        if (Least < floor)
            Clear(logits, floor, weights);
        return weights;
    }

    // Of what is below the floor. Exponentials of infinity in its place would be far slower.
    [MethodImpl(JitOptions.Loop)]
    private static void Clear(ReadOnlySpan<float> logits, float floor, Span<double> weights)
    {
        ref float first = ref MemoryMarshal.GetReference(logits);
        ref double to = ref MemoryMarshal.GetReference(weights);
        int i = 0;
        for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            (Vector256<long> lower, Vector256<long> upper) = Vector256.Widen(
                Vector256.GreaterThanOrEqual(Vector256.LoadUnsafe(ref first, (nuint)i), Vector256.Create(floor)).AsInt32());
            (Vector256.LoadUnsafe(ref to, (nuint)i) & lower.AsDouble()).StoreUnsafe(ref to, (nuint)i);
            nuint next = (nuint)(i + Vector256<double>.Count);
            (Vector256.LoadUnsafe(ref to, next) & upper.AsDouble()).StoreUnsafe(ref to, next);
        }

        for (; i < logits.Length; i++)
            weights[i] = logits[i] >= floor ? weights[i] : 0;
    }

    // The bits of a number without its sign are ordered as magnitudes are, and what is no number stands above infinity.
    [MethodImpl(JitOptions.Loop)]
    private static (float Max, float Min, uint Farthest) Extremes(ReadOnlySpan<float> logits)
    {
        ref float first = ref MemoryMarshal.GetReference(logits);
        Vector256<float> largest = Vector256.Create(float.NegativeInfinity), least = Vector256.Create(float.PositiveInfinity);
        Vector256<int> farthest = Vector256<int>.Zero;
        int i = 0;
        for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<float> logit = Vector256.LoadUnsafe(ref first, (nuint)i);
            largest = Vector256.MaxNative(largest, logit);
            least = Vector256.MinNative(least, logit);
            farthest = Vector256.Max(farthest, logit.AsInt32() & Vector256.Create(int.MaxValue));
        }

        (float max, float min, int bits) = (float.NegativeInfinity, float.PositiveInfinity, 0);
        for (int lane = 0; lane < Vector256<float>.Count; lane++)
            (max, min, bits) = (Math.Max(max, largest[lane]), Math.Min(min, least[lane]), Math.Max(bits, farthest[lane]));
        for (; i < logits.Length; i++)
        {
            float logit = logits[i];
            (max, min) = (Math.Max(max, logit), Math.Min(min, logit));
            bits = Math.Max(bits, BitConverter.SingleToInt32Bits(logit) & int.MaxValue);
        }

        return (max, min, (uint)bits);
    }
}
