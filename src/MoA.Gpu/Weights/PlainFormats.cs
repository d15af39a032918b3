using MoA.Gpu.Kernels;

namespace MoA.Gpu.Weights;

/// <summary>F32: a part is eight numbers in two quads.</summary>
internal readonly struct DeviceF32 : IDeviceFormat
{
    public static int PartsPerBlock => 1;

    public static int NumbersPerPart => 8;

    public static int Span => 8;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink =>
        sink.Take(Octet.Load(weight.Quads, 2 * ((long)row * weight.BlocksPerRow + part)), part);
}

/// <summary>F16: a part is eight numbers in a quad.</summary>
internal readonly struct DeviceF16 : IDeviceFormat
{
    public static int PartsPerBlock => 1;

    public static int NumbersPerPart => 8;

    public static int Span => 8;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink =>
        sink.Take(Octet.OfF16(weight.Quads[(long)row * weight.BlocksPerRow + part]), part);
}

/// <summary>BF16: a part is eight numbers in a quad.</summary>
internal readonly struct DeviceBF16 : IDeviceFormat
{
    public static int PartsPerBlock => 1;

    public static int NumbersPerPart => 8;

    public static int Span => 8;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink =>
        sink.Take(Octet.OfBF16(weight.Quads[(long)row * weight.BlocksPerRow + part]), part);
}
