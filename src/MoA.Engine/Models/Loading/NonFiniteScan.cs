using System.Numerics;
using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>
/// Finds NaN and infinity in weights: numbers whose exponent bits are all ones. Reads every byte once, on all cores.
/// </summary>
internal static unsafe class NonFiniteScan
{
    private const long PieceElements = 1 << 20;

    /// <summary>
    /// The first number that is not finite, by tensor and then by position, or null; independent of the number of
    /// threads.
    /// </summary>
    public static (int Tensor, long Position)? First(IReadOnlyList<WeightTensor> tensors)
    {
        List<(int Tensor, long Start, long Count)> pieces = [];
        for (int tensor = 0; tensor < tensors.Count; tensor++)
        {
            long elements = (long)tensors[tensor].Rows * tensors[tensor].Columns;
            for (long start = 0; start < elements; start += PieceElements)
                pieces.Add((tensor, start, Math.Min(PieceElements, elements - start)));
        }

        long[] found = new long[pieces.Count];
        ParallelLoopResult result = Parallel.For(0, pieces.Count, (i, loop) =>
        {
            (int tensor, long start, long count) = pieces[i];
            found[i] = Position(tensors[tensor], start, count);
            if (found[i] >= 0)
                loop.Break(); // lower pieces still run, so the lowest one that breaks is the first
        });
        return result.LowestBreakIteration is long first ? (pieces[(int)first].Tensor, found[first]) : null;
    }

    private static long Position(WeightTensor tensor, long start, long count)
    {
        long offset = tensor.Type switch
        {
            ElementType.F32 => IndexOfAllOnes((uint*)tensor.Data + start, count, 0x7F80_0000u),
            ElementType.F16 => IndexOfAllOnes((ushort*)tensor.Data + start, count, (ushort)0x7C00),
            _ => IndexOfAllOnes((ushort*)tensor.Data + start, count, (ushort)0x7F80),
        };
        return offset < 0 ? -1 : start + offset;
    }

    /// <summary>Index of the first number with all bits of <paramref name="mask"/> set, or -1.</summary>
    private static long IndexOfAllOnes<T>(T* numbers, long count, T mask)
        where T : unmanaged, IBinaryInteger<T>
    {
        Vector<T> ones = new(mask);
        long i = 0;
        for (; i <= count - 4 * Vector<T>.Count; i += 4 * Vector<T>.Count)
        {
            Vector<T> any = Hits(numbers + i) | Hits(numbers + i + Vector<T>.Count) |
                Hits(numbers + i + 2 * Vector<T>.Count) | Hits(numbers + i + 3 * Vector<T>.Count);
            if (any != Vector<T>.Zero)
                break;
        }

        for (; i < count; i++)
        {
            if ((numbers[i] & mask) == mask)
                return i;
        }

        return -1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector<T> Hits(T* at) => Vector.Equals(Unsafe.ReadUnaligned<Vector<T>>(at) & ones, ones);
    }
}
