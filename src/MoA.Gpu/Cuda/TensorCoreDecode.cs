using ILGPU;
using ILGPU.Runtime;
using MoA.Engine.Numerics;
using MoA.Gpu.Caches;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Cuda;

/// <summary>
/// Decode attention on tensor cores, for caches in BF16: <see cref="DecodeAttention{TFormat,TQueries,TLanes}"/>, as exact, but rows are
/// copied ahead whatever registers hold, and a group of up to eight heads reads them once. Other caches and heads run on the portable kernel.
/// </summary>
internal static class TensorCoreDecode
{
    private const int HeadsPerWarp = 8, RowsPerStage = 16;

    // A quad for each thread, the largest score and the sum of each warp.
    private static readonly CudaEntry MergeEntry = new("merge_attention", 256, 256 * 16 + 8 * 2 * sizeof(float));

    private static readonly Dictionary<int, Shape> Shapes = new Shape[] { new(64, 2, 4), new(80, 2, 3), new(96, 2, 3), new(128, 2, 3), new(256, 1, 3) }
        .ToDictionary(shape => shape.HeadSize);

    /// <summary>Whether it runs on a device, for caches of a format and heads of a size.</summary>
    public static bool CanRun(DeviceSession session, ElementType type, int headSize) => session.Cuda is { } cuda && type == ElementType.BF16
        && Shapes.TryGetValue(headSize, out Shape? shape) && shape.Entry.SharedBytes <= cuda.MostSharedBytes;

    /// <summary>Decodes: pieces, then what they found joined.</summary>
    public static void Run(DeviceSession session, in DecodeArguments arguments)
    {
        Shape shape = Shapes[arguments.Memory.HeadSize];
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

    private sealed record Shape(int HeadSize, int Warps, int Stages)
    {
        // Keys and values of a stage; each row has an odd number of quads.
        public CudaEntry Entry { get; } = new($"decode_attention_{HeadSize}", 32 * Warps, Warps * Stages * 2 * RowsPerStage * (HeadSize / 8 | 1) * 16);
    }
}
