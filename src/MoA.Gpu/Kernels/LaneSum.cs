using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>Sums and maxima over neighbouring lanes; every lane gets the result. Written out, since loops are not unrolled.</summary>
internal static class LaneSum
{
    /// <summary>Over the warp.</summary>
    public static float OfWarp(float value)
    {
        if (Threads.PerWarp > 16)
            value += Warp.ShuffleXor(value, 16);
        if (Threads.PerWarp > 8)
            value += Warp.ShuffleXor(value, 8);
        if (Threads.PerWarp > 4)
            value += Warp.ShuffleXor(value, 4);
        value += Warp.ShuffleXor(value, 2);
        return value + Warp.ShuffleXor(value, 1);
    }

    /// <summary>Over the warp.</summary>
    public static double OfWarp(double value)
    {
        if (Threads.PerWarp > 16)
            value += Warp.ShuffleXor(value, 16);
        if (Threads.PerWarp > 8)
            value += Warp.ShuffleXor(value, 8);
        if (Threads.PerWarp > 4)
            value += Warp.ShuffleXor(value, 4);
        value += Warp.ShuffleXor(value, 2);
        return value + Warp.ShuffleXor(value, 1);
    }

    /// <summary>The largest of the warp.</summary>
    public static float LargestOfWarp(float value)
    {
        if (Threads.PerWarp > 16)
            value = Math.Max(value, Warp.ShuffleXor(value, 16));
        if (Threads.PerWarp > 8)
            value = Math.Max(value, Warp.ShuffleXor(value, 8));
        if (Threads.PerWarp > 4)
            value = Math.Max(value, Warp.ShuffleXor(value, 4));
        value = Math.Max(value, Warp.ShuffleXor(value, 2));
        return Math.Max(value, Warp.ShuffleXor(value, 1));
    }

    /// <summary>Over each run of <paramref name="lanes"/> lanes: 4, 8 or 16, a constant.</summary>
    public static float OfRun(float value, int lanes)
    {
        if (lanes > 8)
            value += Warp.ShuffleXor(value, 8);
        if (lanes > 4)
            value += Warp.ShuffleXor(value, 4);
        value += Warp.ShuffleXor(value, 2);
        return value + Warp.ShuffleXor(value, 1);
    }
}
