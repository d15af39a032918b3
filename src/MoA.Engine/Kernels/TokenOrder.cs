using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// The tokens of a row from the likeliest on, equal ones by token, without sorting them: they are counted and weighed in bins of
/// falling logits, and only the bin in which a limit falls is sorted.
/// </summary>
internal readonly ref struct TokenOrder
{
    // The last bins are for what is below the floor: one a lane, so that adding there does not wait for what was added before.
    private const int Bins = 1024, Below = Bins - 8, SmallBin = 4096;
    private const uint SignBit = 0x80000000;

    private readonly LogitBlocks _blocks;
    private readonly double _sharpness;
    private readonly float _floor, _scale;
    private readonly Span<double> _masses;
    private readonly Span<int> _counts;
    private readonly Span<ulong> _keys;

    /// <summary>Counts and weighs.</summary>
    /// <param name="blocks">The row.</param>
    /// <param name="sharpness">One over the temperature.</param>
    /// <param name="floor">The least logit that counts; finite, and not above the largest.</param>
    /// <param name="scratch"><see cref="ScratchDoubles"/> numbers.</param>
    [MethodImpl(JitOptions.Loop)]
    public TokenOrder(LogitBlocks blocks, double sharpness, float floor, Span<double> scratch)
    {
        _blocks = blocks;
        _sharpness = sharpness;
        _floor = floor;
        _scale = blocks.Largest > floor ? Math.Min((Below - 1) / (blocks.Largest - floor), float.MaxValue) : 0;
        _masses = scratch[..Bins];
        _keys = MemoryMarshal.Cast<double, ulong>(scratch.Slice(Bins, SmallBin));
        _counts = MemoryMarshal.Cast<double, int>(scratch.Slice(Bins + SmallBin, Bins / 2));
        _masses.Clear();
        _counts.Clear();
        Span<double> weights = stackalloc double[LogitBlocks.Size];
        Span<int> bins = stackalloc int[LogitBlocks.Size];
        for (int block = 0; block < blocks.Maxima.Length; block++)
        {
            if (blocks.Maxima[block] < floor)
                continue;
            FindBins(blocks[block], bins);
            Span<double> known = blocks.Weigh(block, sharpness, floor, weights);
            for (int i = 0; i < known.Length; i++)
            {
                int bin = bins[i];
                _counts[bin]++;
                _masses[bin] += known[i];
            }
        }
    }

    /// <summary>Numbers that it works with.</summary>
    public static int ScratchDoubles => Bins + SmallBin + Bins / 2;

    /// <summary>
    /// Goes from the likeliest token on until so many tokens are passed, or their weights reach a sum, or no logit that is left
    /// reaches a least one.
    /// </summary>
    /// <param name="count">The tokens; at least 1.</param>
    /// <param name="mass">The sum; above 0.</param>
    /// <param name="least">The least logit, not above the largest.</param>
    /// <returns>
    /// The sum of the weights passed, and the token that reached <paramref name="mass"/> or <paramref name="count"/>, or -1. A walk
    /// to a mass that another one returned, or to less, passes no more tokens than that one did.
    /// </returns>
    public (double Mass, int Token) Walk(long count, double mass, float least)
    {
        long passed = 0;
        double sum = 0;
        int leastBin = least > _floor ? BinOf(least) : Below;
        for (int bin = 0; bin < Below; bin++)
        {
            if (_counts[bin] == 0)
                continue;
            if (passed + _counts[bin] >= count || sum + _masses[bin] >= mass || bin >= leastBin)
                return WalkBin(bin, count - passed, mass, least, sum);
            passed += _counts[bin];
            sum += _masses[bin];
        }

        return (sum, -1);
    }

    // What was added in another order may differ in the last bits: the bin's own sum is never exceeded, and where it was to reach
    // the mass its last token does.
    private (double Mass, int Token) WalkBin(int bin, long count, double mass, float least, double sum)
    {
        int tokens = _counts[bin];
        ulong[]? rented = tokens > SmallBin ? ArrayPool<ulong>.Shared.Rent(tokens) : null;
        Span<ulong> keys = (rented ?? _keys)[..tokens];
        Collect(bin, keys);
        double end = sum + _masses[bin];
        int token = -1;
        foreach (ulong key in keys)
        {
            float logit = LogitOf(key);
            if (logit < least)
                break;
            token = (int)(uint)key;
            sum += Math.Exp(((double)logit - _blocks.Largest) * _sharpness);
            if (--count == 0 || sum >= mass || --tokens == 0)
                break;
        }

        if (rented is not null)
            ArrayPool<ulong>.Shared.Return(rented);
        return (tokens == 0 ? end : Math.Min(sum, end), token);
    }

    // The tokens of a bin, sorted.
    private void Collect(int bin, Span<ulong> keys)
    {
        Span<int> bins = stackalloc int[LogitBlocks.Size];
        int found = 0;
        for (int block = 0; found < keys.Length; block++)
        {
            if (_blocks.Maxima[block] < _floor || BinOf(_blocks.Maxima[block]) > bin)
                continue;
            ReadOnlySpan<float> logits = _blocks[block];
            FindBins(logits, bins);
            for (int i = 0; i < logits.Length; i++)
            {
                int next = bins[i..logits.Length].IndexOf(bin);
                if (next < 0)
                    break;
                i += next;
                keys[found++] = KeyOf(logits[i], block * LogitBlocks.Size + i);
            }
        }

        if (!IsSorted(keys))
            keys.Sort();
    }

    // Found in the order of tokens, equal logits are sorted already.
    private static bool IsSorted(ReadOnlySpan<ulong> keys)
    {
        for (int i = 1; i < keys.Length; i++)
        {
            if (keys[i] < keys[i - 1])
                return false;
        }

        return true;
    }

    // Of a logit that is not below the floor.
    private int BinOf(float logit) => (int)((_blocks.Largest - logit) * _scale);

    [MethodImpl(JitOptions.Loop)]
    private void FindBins(ReadOnlySpan<float> logits, Span<int> bins)
    {
        ref float first = ref MemoryMarshal.GetReference(logits);
        ref int to = ref MemoryMarshal.GetReference(bins);
        Vector256<float> largest = Vector256.Create(_blocks.Largest), floor = Vector256.Create(_floor);
        Vector256<int> below = Vector256<int>.Indices + Vector256.Create(Below);
        int i = 0;
        for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<float> logit = Vector256.LoadUnsafe(ref first, (nuint)i);
            Vector256<int> bin = Vector256.ConvertToInt32Native((largest - Vector256.MaxNative(logit, floor)) * _scale);
            Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(logit, floor).AsInt32(), bin, below).StoreUnsafe(ref to, (nuint)i);
        }

        for (; i < logits.Length; i++)
            bins[i] = logits[i] >= _floor ? BinOf(logits[i]) : Below;
    }

    // Bits in the order of falling logits, above the token: one sort of integers puts the likeliest first, and equal ones by token.
    // Adding 0 makes both zeros one.
    private static ulong KeyOf(float logit, int token)
    {
        uint bits = BitConverter.SingleToUInt32Bits(logit + 0f);
        return (ulong)(bits ^ ((bits & SignBit) != 0 ? 0 : ~SignBit)) << 32 | (uint)token;
    }

    private static float LogitOf(ulong key)
    {
        uint bits = (uint)(key >> 32);
        return BitConverter.UInt32BitsToSingle(bits ^ ((bits & SignBit) != 0 ? 0 : ~SignBit));
    }
}
