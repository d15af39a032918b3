using System.IO.Hashing;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>What one pass over weights, with several threads, found.</summary>
/// <param name="NonFinite">
/// The first number that is NaN or infinite, by tensor and then by position, or null: a number, or a factor of a quantised block,
/// whose exponent bits are all ones, or one of MXFP4 that is too large for a float. Of a block it is the first element.
/// </param>
/// <param name="Hash">A hash over every tensor's name, format, shape and bytes; empty where a number is not finite.</param>
internal readonly unsafe record struct WeightScan((int Tensor, long Position)? NonFinite, string Hash)
{
    // A piece stays in the second cache between the two looks at it. Whole blocks of every format.
    private const long PieceElements = 1 << 17;

    /// <summary>Scans tensors; what is found does not depend on the number of threads.</summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static WeightScan Of(IReadOnlyList<WeightTensor> tensors, ParallelOptions parallel)
    {
        List<(int Tensor, long Start, long Count)> pieces = [];
        for (int tensor = 0; tensor < tensors.Count; tensor++)
        {
            long elements = (long)tensors[tensor].Rows * tensors[tensor].Columns;
            for (long start = 0; start < elements; start += PieceElements)
                pieces.Add((tensor, start, Math.Min(PieceElements, elements - start)));
        }

        long[] found = new long[pieces.Count];
        UInt128[] hashes = new UInt128[pieces.Count];
        ParallelLoopResult result = Parallel.For(0, pieces.Count, parallel, (i, loop) =>
        {
            (int tensor, long start, long count) = pieces[i];
            hashes[i] = Hashed(tensors[tensor], start, count);
            found[i] = Position(tensors[tensor], start, count);
            if (found[i] >= 0)
                loop.Break(); // lower pieces still run, so the lowest one that breaks is the first
        });
        return result.LowestBreakIteration is long first
            ? new WeightScan((pieces[(int)first].Tensor, found[first]), "")
            : new WeightScan(null, Joined(tensors, hashes));
    }

    // The number of a tensor's pieces follows from its shape.
    private static string Joined(IReadOnlyList<WeightTensor> tensors, UInt128[] hashes)
    {
        XxHash128 all = new();
        foreach (WeightTensor tensor in tensors)
            all.Append(Encoding.UTF8.GetBytes($"{tensor.Name} {tensor.Type.Name()} {tensor.Rows} {tensor.Columns}\n"));
        all.Append(MemoryMarshal.AsBytes(hashes.AsSpan()));
        return Convert.ToHexStringLower(all.GetCurrentHash());
    }

    private static UInt128 Hashed(WeightTensor tensor, long start, long count)
    {
        if (tensor.Exponents is null)
            return XxHash128.HashToUInt128(new((byte*)tensor.Data + tensor.Type.RowBytes(start), (int)tensor.Type.RowBytes(count)));
        XxHash128 both = new();
        both.Append(new ReadOnlySpan<byte>((byte*)tensor.Data + start / 2, (int)(count / 2)));
        both.Append(new ReadOnlySpan<byte>(tensor.Exponents + start / BlockMXFP4.Size, (int)(count / BlockMXFP4.Size)));
        return both.GetCurrentHashAsUInt128();
    }

    private static long Position(WeightTensor tensor, long start, long count)
    {
        if (tensor.Type == ElementType.MXFP4)
            return ExponentPosition(tensor, start, count);
        if (tensor.Type.IsQuantized())
            return BlockPosition(tensor, start, count);
        long offset = tensor.Type switch
        {
            ElementType.F32 => IndexOfAllOnes((uint*)tensor.Data + start, count, 0x7F80_0000u),
            ElementType.F16 => IndexOfAllOnes((ushort*)tensor.Data + start, count, (ushort)0x7C00),
            ElementType.BF16 => IndexOfAllOnes((ushort*)tensor.Data + start, count, (ushort)0x7F80),
            _ => throw ElementFormat.Unknown(tensor.Type),
        };
        return offset < 0 ? -1 : start + offset;
    }

    private static long BlockPosition(WeightTensor tensor, long start, long count)
    {
        ElementFormat format = ElementFormat.Of(tensor.Type);
        int elements = format.Elements, bytes = format.Bytes;
        int first = format.Factors[0], second = format.Factors[^1]; // one, or two
        byte* block = (byte*)tensor.Data + start / elements * bytes;
        for (long at = start; at < start + count; at += elements, block += bytes)
        {
            ushort a = *(ushort*)(block + first), b = *(ushort*)(block + second);
            if ((a & 0x7C00) == 0x7C00 || (b & 0x7C00) == 0x7C00)
                return at;
        }

        return -1;
    }

    // Blocks with an exponent with which an element could be infinite, the format's NaN among them.
    private static long ExponentPosition(WeightTensor tensor, long start, long count)
    {
        int step = tensor.Exponents is null ? BlockMXFP4.Bytes : 1;
        byte* exponent = (tensor.Exponents is null ? (byte*)tensor.Data : tensor.Exponents) + start / BlockMXFP4.Size * step;
        for (long at = start; at < start + count; at += BlockMXFP4.Size, exponent += step)
        {
            if (*exponent > BlockMXFP4.LargestExponent)
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
