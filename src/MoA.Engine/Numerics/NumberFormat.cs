using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>Converts rows of numbers between stored formats and floats.</summary>
internal static unsafe class NumberFormat<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Widens <paramref name="count"/> stored numbers to floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ElementType type, void* source, float* destination, int count)
    {
        int i = 0;
        if (type == ElementType.F32)
        {
            Buffer.MemoryCopy(source, destination, count * 4L, count * 4L);
            return;
        }

        ushort* stored = (ushort*)source;
        if (type == ElementType.BF16)
        {
            for (; i <= count - TSimd.Width; i += TSimd.Width)
                TSimd.Store(destination + i, TSimd.LoadBF16(stored + i));
            for (; i < count; i++)
                destination[i] = SimdScalar.LoadBF16(stored + i);
        }
        else
        {
            for (; i <= count - TSimd.Width; i += TSimd.Width)
                TSimd.Store(destination + i, TSimd.LoadF16(stored + i));
            for (; i < count; i++)
                destination[i] = SimdScalar.LoadF16(stored + i);
        }
    }

    /// <summary>Writes floats as F32 or BF16 (rounded to nearest even).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Narrow(float* source, ElementType type, void* destination, int count)
    {
        if (type == ElementType.F32)
        {
            Buffer.MemoryCopy(source, destination, count * 4L, count * 4L);
            return;
        }

        ushort* stored = (ushort*)destination;
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
            TSimd.StoreBF16(stored + i, TSimd.Load(source + i));
        for (; i < count; i++)
            SimdScalar.StoreBF16(stored + i, source[i]);
    }

    /// <summary>Rounds floats in place to the nearest bfloat16 values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(float* values, int count)
    {
        ushort* rounded = stackalloc ushort[TSimd.Width];
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TSimd.StoreBF16(rounded, TSimd.Load(values + i));
            TSimd.Store(values + i, TSimd.LoadBF16(rounded));
        }

        for (; i < count; i++)
        {
            SimdScalar.StoreBF16(rounded, values[i]);
            values[i] = SimdScalar.LoadBF16(rounded);
        }
    }
}
