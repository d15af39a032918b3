using ILGPU;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Weights;

/// <summary>F32: a part is eight numbers in two quads.</summary>
internal readonly struct DeviceF32 : IPlainFormat
{
    public static int PartsPerBlock => 1;

    public static int NumbersPerPart => 8;

    public static int Span => 8;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink =>
        sink.Take(Octet.Load(weight.Quads, 2 * ((long)row * weight.BlocksPerRow + part)), part);

    public static void Write(ArrayView<Quad> quads, long part, Octet numbers) => numbers.Store(quads, 2 * part);
}

/// <summary>F16: a part is eight numbers in a quad.</summary>
internal readonly struct DeviceF16 : IPlainFormat
{
    public static int PartsPerBlock => 1;

    public static int NumbersPerPart => 8;

    public static int Span => 8;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink =>
        sink.Take(Octet.OfF16(weight.Quads[(long)row * weight.BlocksPerRow + part]), part);

    public static void Write(ArrayView<Quad> quads, long part, Octet numbers) => quads[part] = numbers.ToF16();
}

/// <summary>BF16: a part is eight numbers in a quad.</summary>
internal readonly struct DeviceBF16 : IPlainFormat
{
    public static int PartsPerBlock => 1;

    public static int NumbersPerPart => 8;

    public static int Span => 8;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink =>
        sink.Take(Octet.OfBF16(weight.Quads[(long)row * weight.BlocksPerRow + part]), part);

    public static void Write(ArrayView<Quad> quads, long part, Octet numbers) => quads[part] = numbers.ToBF16();
}
