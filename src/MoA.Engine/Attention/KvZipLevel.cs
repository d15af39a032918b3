namespace MoA.Engine.Attention;

/// <summary>What KVzip chooses among.</summary>
internal enum KvZipLevel
{
    /// <summary>All rows of all layers and heads together.</summary>
    Pair,

    /// <summary>The rows of each head.</summary>
    Uniform,

    /// <summary>Heads: those of the largest scores keep everything, the others first and recent tokens.</summary>
    Head,
}
