using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Scores of keys in Q8_0 for one query head alone, which would not repay transposing them: lanes are elements, and what
/// they hold is added up at the end of a row.
/// </summary>
internal static unsafe class SingleScoresQ8
{
    /// <summary>scores[row] = query·keys[row]; up to three beyond the last row are written too.</summary>
    [MethodImpl(JitOptions.Loop)]
    public static void Score(short* queries, float queryScale, int size, byte* keys, int rows, float* scores, Prefetch next)
    {
        nint groups = size / BlockQ8.Elements, bytesPerRow = groups * BlockQ8.Bytes;
        Vector128<float> factors = Vector128.Create(queryScale);
        for (nint row = 0; row < rows; row += 4)
        {
            // Beyond the last row there are no rows to read, only scores to spoil.
            nint last = rows - 1 - row, row1 = row + Math.Min(1, last), row2 = row + Math.Min(2, last);
            nint row3 = row + Math.Min(3, last);
            byte* key0 = keys + row * bytesPerRow;
            byte* key1 = keys + row1 * bytesPerRow;
            byte* key2 = keys + row2 * bytesPerRow;
            byte* key3 = keys + row3 * bytesPerRow;
            Vector256<float> s00 = Vector256<float>.Zero;
            Vector256<float> s10 = Vector256<float>.Zero;
            Vector256<float> s20 = Vector256<float>.Zero;
            Vector256<float> s30 = Vector256<float>.Zero;
            nint ahead = row * bytesPerRow, at = 0;
            for (nint group = 0; group < groups; group++, at += BlockQ8.Bytes, ahead += 4 * BlockQ8.Bytes)
            {
                next.Step(ahead, 4 * BlockQ8.Bytes);
                short* query = queries + group * BlockQ8.Elements;
                Vector256<short> lower = Integers.WidenSigned(key0 + at + 2);
                Vector256<short> upper = Integers.WidenSigned(key0 + at + 18);
                s00 = Simd256.MultiplyAdd(Products(lower, upper, query), Simd256.BroadcastPositiveF16(key0 + at), s00);
                lower = Integers.WidenSigned(key1 + at + 2);
                upper = Integers.WidenSigned(key1 + at + 18);
                s10 = Simd256.MultiplyAdd(Products(lower, upper, query), Simd256.BroadcastPositiveF16(key1 + at), s10);
                lower = Integers.WidenSigned(key2 + at + 2);
                upper = Integers.WidenSigned(key2 + at + 18);
                s20 = Simd256.MultiplyAdd(Products(lower, upper, query), Simd256.BroadcastPositiveF16(key2 + at), s20);
                lower = Integers.WidenSigned(key3 + at + 2);
                upper = Integers.WidenSigned(key3 + at + 18);
                s30 = Simd256.MultiplyAdd(Products(lower, upper, query), Simd256.BroadcastPositiveF16(key3 + at), s30);
            }

            Simd256.StoreSums(scores + row, s00, s10, s20, s30);
            (Vector128.Load(scores + row) * factors).Store(scores + row);
        }
    }

    // The products of one group of 32, in eight lanes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Products(Vector256<short> lower, Vector256<short> upper, short* query) =>
        Vector256.ConvertToSingle(Integers.AddProducts(
            Integers.MultiplyAddPairs(lower, Vector256.Load(query)), upper, Vector256.Load(query + 16)));
}
