using System.Globalization;
using MoA.Engine.Configuration;

namespace MoA.Engine.Models;

/// <summary>What a copy of a model's weights takes, and what there is.</summary>
/// <param name="CopyBytes">Bytes of the copy: the matrices that passes multiply with.</param>
/// <param name="WorkspaceBytes">Bytes of a pass's activations.</param>
/// <param name="CacheBytes">Bytes of caches, and of whatever else will be held beside.</param>
/// <param name="AvailableBytes">Memory that is available, before any of it is taken.</param>
internal readonly record struct WeightRoom(long CopyBytes, long WorkspaceBytes, long CacheBytes, long AvailableBytes)
{
    // What is available by the system's own estimate is not taken to the last byte.
    private const int ShareLeft = 16;

    /// <summary>All that will be taken.</summary>
    public long NeededBytes => CopyBytes + WorkspaceBytes + CacheBytes;

    /// <summary>Whether all of it fits into what is available.</summary>
    public bool IsEnough => NeededBytes <= AvailableBytes;

    /// <summary>What could be taken besides while a sixteenth of what is available is left; below 0 if there is too little.</summary>
    public long SpareBytes => AvailableBytes - AvailableBytes / ShareLeft - NeededBytes;

    /// <summary>Whether it fits and a sixteenth of what is available is left.</summary>
    public bool IsAmple => SpareBytes >= 0;

    /// <summary>Whether what a run cannot do without, everything but the copy, fits.</summary>
    public bool IsEnoughWithoutCopy => WorkspaceBytes + CacheBytes <= AvailableBytes;

    /// <summary>Reckons with the memory that is available now.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="config">The model's shape.</param>
    /// <param name="maxRows">Most tokens of a pass.</param>
    /// <param name="cacheBytes">Bytes of caches, and of whatever else will be held beside.</param>
    public static WeightRoom Of(ModelWeights weights, ModelConfig config, int maxRows, long cacheBytes)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return new WeightRoom(
            weights.CopyBytes, Transformer.WorkspaceBytes(config, maxRows), cacheBytes, Numerics.AvailableMemory.Bytes());
    }

    /// <summary>The numbers in words: "a copy of 1,200.0 MiB, beside …".</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"a copy takes {MiB(CopyBytes)}, beside {MiB(WorkspaceBytes)} of activations and {MiB(CacheBytes)} of caches, and {MiB(AvailableBytes)} are available");

    private static string MiB(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:#,0.#} MiB");
}
