using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Rows of decode attention that are computed with at a time, and how a tile lays them out for itself.</summary>
internal static unsafe class DecodeBlock
{
    /// <summary>Most rows of a block: its keys and values stay in the first cache from one use to the next.</summary>
    public const int Rows = 64;

    /// <summary>Floats of scratch memory that a tile needs: scales of rows in Q8_0, a copy of them, transposed bytes or rounded weights.</summary>
    /// <param name="headSize">Elements of a row.</param>
    public static int Floats(int headSize) => headSize + Rows * headSize / BlockQ8.Elements * BlockQ8.Bytes / sizeof(float) + 512;

    /// <summary>Bytes of so many elements of a row, with their share of the scales.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Bytes<TRows>(int elements)
        where TRows : IRowPairs =>
        (elements * TRows.GroupBytes + BlockQ8.Elements - 1) / BlockQ8.Elements;

    /// <summary>
    /// The rows themselves where there are as many as <paramref name="wanted"/>; else their copy, behind which memory may
    /// be read that holds anything.
    /// </summary>
    public static byte* Filled(byte* rows, nint count, int wanted, nint bytesPerRow, float* copy)
    {
        if (count >= wanted)
            return rows;
        Buffer.MemoryCopy(rows, copy, count * bytesPerRow, count * bytesPerRow);
        return (byte*)copy;
    }

    /// <summary>
    /// Transposes two vectors of rows in columns of 32 bits: to[v][column] holds one column of the v-th vector's rows.
    /// </summary>
    /// <param name="rows">The first column of the first row.</param>
    /// <param name="bytesPerRow">Bytes from a row to the next.</param>
    /// <param name="columns">A multiple of four.</param>
    /// <param name="to">Room for [2, columns, Width].</param>
    [MethodImpl(JitOptions.Loop)]
    public static void Transpose<TSimd, TVector>(byte* rows, nint bytesPerRow, nint columns, float* to)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        nint second = columns * TSimd.Width;
        byte* lower = rows + TSimd.Width * bytesPerRow;
        for (byte* end = rows + 4 * columns; rows < end; rows += 16, lower += 16, to += 4 * TSimd.Width)
        {
            TSimd.StoreColumns(rows, bytesPerRow, to, TSimd.Width);
            TSimd.StoreColumns(lower, bytesPerRow, to + second, TSimd.Width);
        }
    }

    /// <summary>Copies the scales of rows in Q8_0 to [groups, <see cref="Rows"/>], in which vectors of them can be read.</summary>
    [MethodImpl(JitOptions.Loop)]
    public static void CopyScales(byte* rows, int count, nint groups, ushort* to)
    {
        nint bytesPerRow = groups * BlockQ8.Bytes;
        for (nint group = 0; group < groups; group++, rows += BlockQ8.Bytes, to += Rows)
        {
            byte* scale = rows;
            int row = 0;
            for (; row < count - 7; row += 8, scale += 8 * bytesPerRow)
            {
                byte* other = scale + 4 * bytesPerRow;
                Vector128.Create(
                    *(ushort*)scale, *(ushort*)(scale + bytesPerRow), *(ushort*)(scale + 2 * bytesPerRow),
                    *(ushort*)(scale + 3 * bytesPerRow), *(ushort*)other, *(ushort*)(other + bytesPerRow),
                    *(ushort*)(other + 2 * bytesPerRow), *(ushort*)(other + 3 * bytesPerRow)).Store(to + row);
            }

            for (; row < count; row++, scale += bytesPerRow)
                to[row] = *(ushort*)scale;
        }
    }
}
