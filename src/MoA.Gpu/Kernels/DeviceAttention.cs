using MoA.Engine;
using MoA.Engine.Numerics;
using MoA.Gpu.Caches;
using MoA.Gpu.Cuda;
using MoA.Gpu.Device;

namespace MoA.Gpu.Kernels;

/// <summary>Chooses the attention kernels of a cache's format, a head's size and a group's.</summary>
internal static class DeviceAttention
{
    /// <summary>The largest head: sixteen lanes of sixteen numbers.</summary>
    public const int LargestHead = 256;

    /// <summary>The most rows of a prompt's tile.</summary>
    public const int PrefillRows = 4;

    /// <summary>Decodes: pieces, then what they found joined.</summary>
    /// <param name="session">The device.</param>
    /// <param name="type">The caches' format.</param>
    /// <param name="arguments">The batch.</param>
    /// <param name="portable">Whether to join on the portable kernel too where there is another.</param>
    public static void Decode(DeviceSession session, ElementType type, DecodeArguments arguments, bool portable = false)
    {
        Check(type, arguments.Memory.HeadSize);
        if (type == ElementType.BF16)
            Decode<CachedBF16>(session, arguments);
        else
            Decode<CachedQ8>(session, arguments);
        if (session.Cuda is { } cuda && !portable)
        {
            TensorCoreDecode.Merge(cuda, arguments);
            return;
        }

        DecodeMerge merge = new()
        {
            Items = arguments.Items,
            Partials = arguments.Partials,
            Outputs = arguments.Outputs,
            KeyValueHeads = arguments.KeyValueHeads,
            Group = arguments.Group,
        };
        session.RunWarps(merge, merge.Warps);
    }

    /// <summary>Attends from rows of prompts.</summary>
    public static void Prefill(DeviceSession session, ElementType type, PrefillArguments arguments)
    {
        Check(type, arguments.Memory.HeadSize);
        if (type == ElementType.BF16)
            Prefill<CachedBF16>(session, arguments);
        else
            Prefill<CachedQ8>(session, arguments);
    }

    /// <summary>Refuses what no kernel is written for.</summary>
    /// <exception cref="InvalidInputException">The format or the head's size.</exception>
    public static void Check(ElementType type, int headSize)
    {
        if (type is not (ElementType.BF16 or ElementType.Q8_0))
            throw new InvalidInputException($"caches in {type.Name()} do not run on a GPU: expected bf16 or q8_0");
        int multiple = type == ElementType.BF16 ? 16 : 32;
        if (headSize > LargestHead || headSize % multiple != 0)
        {
            throw new InvalidInputException(
                $"heads of {headSize} do not run on a GPU with caches in {type.Name()}: expected a multiple of {multiple}, {LargestHead} at most");
        }
    }

    /// <summary>Refuses heads that no format's kernels are written for.</summary>
    /// <exception cref="InvalidInputException">The head's size.</exception>
    public static void CheckHead(DeviceSession session, int headSize)
    {
        int largest = Math.Min(LargestHead, 16 * session.Accelerator.WarpSize);
        if (headSize > largest || headSize % 16 != 0)
        {
            throw new InvalidInputException(
                $"heads of {headSize} do not run on a GPU: expected a multiple of 16, {largest} at most; use --device cpu");
        }
    }

    private static void Decode<TFormat>(DeviceSession session, DecodeArguments arguments)
        where TFormat : struct, ICacheFormat
    {
        switch (arguments.Group)
        {
            case 1: Decode<TFormat, Query>(session, arguments); break;
            case 2: Decode<TFormat, TwiceQueries<Query>>(session, arguments); break;
            default: Decode<TFormat, TwiceQueries<TwiceQueries<Query>>>(session, arguments); break;
        }
    }

    private static void Decode<TFormat, TQueries>(DeviceSession session, DecodeArguments arguments)
        where TFormat : struct, ICacheFormat
        where TQueries : struct, IQueryTile
    {
        switch (arguments.Memory.HeadSize)
        {
            case <= 64: Decode<TFormat, TQueries, FourLanes>(session, arguments); break;
            case <= 128: Decode<TFormat, TQueries, EightLanes>(session, arguments); break;
            default: Decode<TFormat, TQueries, SixteenLanes>(session, arguments); break;
        }
    }

    private static void Decode<TFormat, TQueries, TLanes>(DeviceSession session, DecodeArguments arguments)
        where TFormat : struct, ICacheFormat
        where TQueries : struct, IQueryTile
        where TLanes : struct, IRowLanes
    {
        DecodeAttention<TFormat, TQueries, TLanes> kernel = new() { Arguments = arguments };
        session.RunWarps(kernel, kernel.Warps);
    }

    private static void Prefill<TFormat>(DeviceSession session, PrefillArguments arguments)
        where TFormat : struct, ICacheFormat
    {
        switch (arguments.Memory.HeadSize)
        {
            case <= 64: Prefill<TFormat, FourLanes>(session, arguments); break;
            case <= 128: Prefill<TFormat, EightLanes>(session, arguments); break;
            default: Prefill<TFormat, SixteenLanes>(session, arguments); break;
        }
    }

    private static void Prefill<TFormat, TLanes>(DeviceSession session, PrefillArguments arguments)
        where TFormat : struct, ICacheFormat
        where TLanes : struct, IRowLanes
    {
        PrefillAttention<TFormat, TwiceQueries<TwiceQueries<Query>>, TLanes> kernel = new() { Arguments = arguments };
        session.RunWarps(kernel, kernel.Warps);
    }
}
