using System.Runtime.InteropServices;
using ILGPU;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Weights;

/// <summary>Draws a weight where it lies, laid out as a stored one would be.</summary>
internal static class RandomFill
{
    public static void Run(
        DeviceSession session, DeviceMemory memory, WeightLayout layout, RandomContent random, ArrayView<Quad> quads, ArrayView<ushort> factors)
    {
        switch (layout.Type)
        {
            case ElementType.F32: Numbers<DeviceF32>(session, layout, random, quads); break;
            case ElementType.F16: Numbers<DeviceF16>(session, layout, random, quads); break;
            case ElementType.BF16: Numbers<DeviceBF16>(session, layout, random, quads); break;
            default: Blocks(session, memory, layout.Type, random, quads, factors); break;
        }
    }

    private static void Numbers<TFormat>(DeviceSession session, WeightLayout layout, RandomContent random, ArrayView<Quad> quads)
        where TFormat : struct, IPlainFormat
    {
        RandomNumbers<TFormat> kernel = new()
        {
            Quads = quads,
            Columns = layout.Columns,
            PartsPerRow = layout.BlocksPerRow,
            Parts = (long)layout.Rows * layout.BlocksPerRow,
            Seed = random.Seed,
            Deviation = random.Deviation,
        };
        session.RunThreads(kernel, kernel.Parts);
    }

    private static void Blocks(
        DeviceSession session, DeviceMemory memory, ElementType type, RandomContent random, ArrayView<Quad> quads, ArrayView<ushort> factors)
    {
        byte[] open = new byte[type.BytesPerBlock()], ones = new byte[open.Length];
        RandomWeights.Pattern(type, random.Deviation, open, ones);
        WeightLayout block = new(type, 1, type.ElementsPerBlock());
        ushort[] unused = new ushort[block.Factors], factor = new ushort[block.Factors];
        using DeviceBuffer<Quad> openQuads = Arrange(open, unused), onesQuads = Arrange(ones, factor);
        RandomBlocks kernel = new()
        {
            Quads = quads,
            Factors = factors,
            Open = openQuads.View,
            Ones = onesQuads.View,
            Seed = random.Seed,
            Factor = factor.Length > 0 ? factor[0] : 0,
        };
        session.RunThreads(kernel, quads.Length);
        session.Accelerator.Synchronize();

        DeviceBuffer<Quad> Arrange(byte[] bytes, ushort[] plane)
        {
            Quad[] arranged = new Quad[block.Quads];
            block.Arrange(bytes, 1, MemoryMarshal.AsBytes(arranged.AsSpan()), plane);
            DeviceBuffer<Quad> buffer = memory.Allocate<Quad>(arranged.Length);
            buffer.Write(arranged);
            return buffer;
        }
    }
}
