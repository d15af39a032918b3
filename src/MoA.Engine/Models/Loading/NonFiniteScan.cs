using System.Numerics;
using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>
/// Finds NaN and infinity in weights: numbers, or factors of quantised blocks, whose exponent bits are all ones. Uses all
/// cores.
/// </summary>
internal static unsafe class NonFiniteScan
{
    private const long PieceElements = 1 << 20;

    /// <summary>
    /// The first number that is not finite, by tensor and then by position, or null; independent of the number of
    /// threads. Of a quantised block whose factors are not finite it is the first element.
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
        if (tensor.Type.IsQuantized())
            return BlockPosition(tensor, start, count);
        long offset = tensor.Type switch
        {
            ElementType.F32 => IndexOfAllOnes((uint*)tensor.Data + start, count, 0x7F80_0000u),
            ElementType.F16 => IndexOfAllOnes((ushort*)tensor.Data + start, count, (ushort)0x7C00),
            _ => IndexOfAllOnes((ushort*)tensor.Data + start, count, (ushort)0x7F80),
        };
        return offset < 0 ? -1 : start + offset;
    }

    private static long BlockPosition(WeightTensor tensor, long start, long count)
    {
        int elements = tensor.Type.ElementsPerBlock();
        int bytes = tensor.Type.BytesPerBlock();

        // The factors are binary16: one in front, two in front, or, of Q6_K, one at the end.
        int first = tensor.Type == ElementType.Q6_K ? bytes - 2 : 0;
        int second = tensor.Type is ElementType.Q4_K or ElementType.Q5_K ? 2 : first;
        byte* block = (byte*)tensor.Data + start / elements * bytes;
        for (long at = start; at < start + count; at += elements, block += bytes)
        {
            ushort a = *(ushort*)(block + first), b = *(ushort*)(block + second);
            if ((a & 0x7C00) == 0x7C00 || (b & 0x7C00) == 0x7C00)
                return at;
        }

        return -1;
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
