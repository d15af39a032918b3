using ILGPU;
using MoA.Engine.Numerics;
using MoA.Gpu.Device;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Kernels;

/// <summary>Makes the operands of products on tensor cores: rows of bfloat16 numbers, eight to a quad.</summary>
internal static class BF16Operand
{
    /// <summary>Whether a weight's rows are an operand as they stand.</summary>
    public static bool IsStored(ElementType type) => type == ElementType.BF16;

    /// <summary>Rounds rows of floats.</summary>
    /// <param name="session">The device.</param>
    /// <param name="x">Rows padded to whole octets.</param>
    /// <param name="y">Half as many quads.</param>
    public static void Round(DeviceSession session, ArrayView<Quad> x, ArrayView<Quad> y)
    {
        RoundRows kernel = new() { X = x, Y = y, RowQuads = (int)Math.Max(1, y.Length) };
        session.RunThreads(kernel, kernel.Threads);
    }

    /// <summary>Rounds a part of each row of floats.</summary>
    /// <param name="session">The device.</param>
    /// <param name="x">Rows padded to whole octets.</param>
    /// <param name="stride">Quads of such a row.</param>
    /// <param name="first">The first quad of the part, even.</param>
    /// <param name="y">Dense rows.</param>
    /// <param name="rowQuads">Quads of such a row.</param>
    public static void Round(DeviceSession session, ArrayView<Quad> x, int stride, int first, ArrayView<Quad> y, int rowQuads)
    {
        RoundRows kernel = new() { X = x, Y = y, Stride = stride, First = first, RowQuads = rowQuads };
        session.RunThreads(kernel, kernel.Threads);
    }

    /// <summary>Widens rows of a weight, rounding what BF16 does not hold.</summary>
    /// <param name="session">The device.</param>
    /// <param name="type">The weight's format.</param>
    /// <param name="weight">The weight.</param>
    /// <param name="first">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="y">Room for them, as many quads for each.</param>
    public static void Widen(DeviceSession session, ElementType type, DeviceWeight weight, int first, int rows, ArrayView<Quad> y)
    {
        switch (type)
        {
            case ElementType.F32: Widen<DeviceF32>(session, weight, first, rows, y); break;
            case ElementType.F16: Widen<DeviceF16>(session, weight, first, rows, y); break;
            case ElementType.BF16: Widen<DeviceBF16>(session, weight, first, rows, y); break;
            case ElementType.Q8_0: Widen<DeviceQ8>(session, weight, first, rows, y); break;
            case ElementType.Q4_0: Widen<DeviceQ4>(session, weight, first, rows, y); break;
            case ElementType.Q4_K: Widen<DeviceQ4K>(session, weight, first, rows, y); break;
            case ElementType.Q5_K: Widen<DeviceQ5K>(session, weight, first, rows, y); break;
            case ElementType.Q6_K: Widen<DeviceQ6K>(session, weight, first, rows, y); break;
            default: throw ElementFormat.Unknown(type);
        }
    }

    private static void Widen<TFormat>(DeviceSession session, DeviceWeight weight, int first, int rows, ArrayView<Quad> y)
        where TFormat : struct, IDeviceFormat
    {
        WidenRows<TFormat> kernel = new() { Weight = weight, First = first, Rows = rows, Y = y };
        session.RunThreads(kernel, kernel.Threads);
    }
}
