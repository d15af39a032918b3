using ILGPU;
using ILGPU.Runtime;
using MoA.Engine.Numerics;
using MoA.Gpu.Caches;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Cuda;

/// <summary>
/// Decode attention on tensor cores: <see cref="DecodeAttention{TFormat,TQueries,TLanes}"/>, as exact, but rows are copied ahead
/// whatever registers hold, and a group of up to eight heads reads them once. Other heads run on the portable kernel.
/// </summary>
internal static class TensorCoreDecode
{
    private const int HeadsPerWarp = 8, RowsPerStage = 16;

    // A quad for each thread, the largest score and the sum of each warp.
    private static readonly CudaEntry MergeEntry = new("merge_attention", 256, 256 * 16 + 8 * 2 * sizeof(float));

    private static readonly Shape[] Shapes =
    [
        new(ElementType.BF16, 64, 2, 4), new(ElementType.BF16, 80, 2, 3), new(ElementType.BF16, 96, 2, 3), new(ElementType.BF16, 128, 2, 3),
        new(ElementType.BF16, 256, 1, 3), new(ElementType.Q8_0, 64, 2, 4), new(ElementType.Q8_0, 128, 2, 4),
    ];

    /// <summary>Whether it runs on a device, for caches of a format and heads of a size.</summary>
    public static bool CanRun(DeviceSession session, ElementType type, int headSize) =>
        session.Cuda is { } cuda && ShapeOf(type, headSize) is { } shape && shape.Entry.SharedBytes <= cuda.MostSharedBytes;

    /// <summary>Decodes: pieces, then what they found joined.</summary>
    public static void Run(DeviceSession session, ElementType type, in DecodeArguments arguments)
    {
        Shape shape = ShapeOf(type, arguments.Memory.HeadSize)!;
        long warps = arguments.Pieces.Length * ((arguments.Group + HeadsPerWarp - 1) / HeadsPerWarp);
        if (warps == 0)
            return;
        session.Cuda!.Launch(shape.Entry, checked((int)((warps + shape.Warps - 1) / shape.Warps)), new DecodeLaunch
        {
            Memory = arguments.Memory.Quads.LoadEffectiveAddressAsPtr(),
            Items = arguments.Items.LoadEffectiveAddressAsPtr(),
            Pieces = arguments.Pieces.LoadEffectiveAddressAsPtr(),
            VisibleRings = arguments.VisibleRings.LoadEffectiveAddressAsPtr(),
            Queries = arguments.Queries.LoadEffectiveAddressAsPtr(),
            Outputs = arguments.Partials.Quads.LoadEffectiveAddressAsPtr(),
            States = arguments.Partials.States.LoadEffectiveAddressAsPtr(),
            PieceCount = (int)arguments.Pieces.Length,
            KeyValueHeads = arguments.KeyValueHeads,
            Group = arguments.Group,
            Scale = arguments.Scale,
        });
        Merge(session.Cuda, arguments);
    }

    /// <summary>Joins what pieces found, of caches in any format: as <see cref="DecodeMerge"/>, but many pieces of a head at once.</summary>
    public static void Merge(ICudaLauncher cuda, in DecodeArguments arguments)
    {
        int groups = checked((int)arguments.Items.Length * arguments.Group);
        if (groups == 0)
            return;
        cuda.Launch(MergeEntry, groups, new MergeLaunch
        {
            Items = arguments.Items.LoadEffectiveAddressAsPtr(),
            Partials = arguments.Partials.Quads.LoadEffectiveAddressAsPtr(),
            States = arguments.Partials.States.LoadEffectiveAddressAsPtr(),
            Outputs = arguments.Outputs.LoadEffectiveAddressAsPtr(),
            KeyValueHeads = arguments.KeyValueHeads,
            Group = arguments.Group,
            Quads = arguments.Partials.HeadQuads,
        });
    }

    private static Shape? ShapeOf(ElementType type, int headSize)
    {
        foreach (Shape shape in Shapes)
        {
            if (shape.Type == type && shape.HeadSize == headSize)
                return shape;
        }

        return null;
    }

    /// <summary>As in decode_attention.cu.</summary>
    private sealed record Shape(ElementType Type, int HeadSize, int Warps, int Stages)
    {
        public CudaEntry Entry { get; } = new(
            $"decode_attention_{(Type == ElementType.BF16 ? "" : "q8_")}{HeadSize}",
            32 * Warps,
            Warps * Stages * 2 * RowsPerStage * (Type == ElementType.BF16 ? RowBytes(HeadSize / 8) : RowBytes(HeadSize / 16) + HeadSize / 16));

        // Each row has an odd number of quads.
        private static int RowBytes(int quads) => (quads | 1) * 16;
    }
}
