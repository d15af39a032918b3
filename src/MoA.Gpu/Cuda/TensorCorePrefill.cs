using ILGPU;
using ILGPU.Runtime;
using MoA.Engine.Numerics;
using MoA.Gpu.Caches;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Cuda;

/// <summary>
/// Prefill attention on tensor cores, for caches in BF16: <see cref="PrefillAttention{TFormat,TQueries,TLanes}"/> but for queries
/// and weights rounded to BF16. Other caches and heads run on the portable kernel.
/// </summary>
internal static class TensorCorePrefill
{
    private const int Rows = 128;

    private static readonly Dictionary<int, Shape> Shapes =
        new Shape[] { new(64, 64, 4, 2), new(80, 32, 4, 3), new(96, 32, 4, 3), new(128, 32, 4, 4), new(256, 32, 8, 4) }.ToDictionary(shape => shape.HeadSize);

    /// <summary>Whether it runs on a device, for caches of a format and heads of a size.</summary>
    public static bool CanRun(DeviceSession session, ElementType type, int headSize) => session.Cuda is { } cuda && type == ElementType.BF16
        && Shapes.TryGetValue(headSize, out Shape? shape) && shape.Entry.SharedBytes <= cuda.MostSharedBytes;

    /// <summary>The most rows of a tile, which may begin anywhere: best where the positions are multiples of it.</summary>
    /// <param name="group">Query heads of a KV head: of even groups two heads share a tile.</param>
    public static int TileRows(int group) => Rows / TileHeads(group);

    /// <summary>Scratch memory of a call.</summary>
    public static long ScratchQuads(in PrefillArguments arguments) => (arguments.Keys.Length + arguments.Values.Length) / 2;

    /// <summary>Attends from rows of prompts.</summary>
    /// <param name="session">The device.</param>
    /// <param name="arguments">As for the portable kernel, but for tiles of up to <see cref="TileRows"/>.</param>
    /// <param name="scratch">Room for <see cref="ScratchQuads"/>: new keys and values in BF16.</param>
    public static void Run(DeviceSession session, in PrefillArguments arguments, ArrayView<Quad> scratch)
    {
        int groups = checked((int)arguments.Tiles.Length * arguments.KeyValueHeads * (arguments.Group / TileHeads(arguments.Group)));
        if (groups == 0)
            return;
        ArrayView<Quad> keys = scratch.SubView(0, arguments.Keys.Length / 2);
        ArrayView<Quad> values = scratch.SubView(keys.Length, arguments.Values.Length / 2);
        BF16Operand.Round(session, arguments.Keys, keys);
        BF16Operand.Round(session, arguments.Values, values);
        session.Cuda!.Launch(Shapes[arguments.Memory.HeadSize].Entry, groups, new PrefillLaunch
        {
            Memory = arguments.Memory.Quads.LoadEffectiveAddressAsPtr(),
            Tiles = arguments.Tiles.LoadEffectiveAddressAsPtr(),
            Heads = arguments.Heads.LoadEffectiveAddressAsPtr(),
            VisibleRings = arguments.VisibleRings.LoadEffectiveAddressAsPtr(),
            Queries = arguments.Queries.LoadEffectiveAddressAsPtr(),
            Keys = keys.LoadEffectiveAddressAsPtr(),
            Values = values.LoadEffectiveAddressAsPtr(),
            Outputs = arguments.Outputs.LoadEffectiveAddressAsPtr(),
            TileCount = (int)arguments.Tiles.Length,
            KeyValueHeads = arguments.KeyValueHeads,
            Group = arguments.Group,
            TileHeads = TileHeads(arguments.Group),
            Window = arguments.Window,
            Scale = arguments.Scale,
        });
    }

    private static int TileHeads(int group) => group % 2 == 0 ? 2 : 1;

    /// <summary>As in prefill_attention.cu.</summary>
    private sealed record Shape(int HeadSize, int Steps, int Warps, int Kept)
    {
        // Queries but for what registers keep, and keys and values of two steps, whose rows have an odd number of quads each.
        public CudaEntry Entry { get; } = new(
            $"prefill_attention_{HeadSize}", 32 * Warps, Rows * (HeadSize - 16 * Kept) * 2 + 4 * Steps * (HeadSize / 8 | 1) * 16);
    }
}
