namespace MoA.Benchmarks.Limits;

/// <summary>What bounds a kernel.</summary>
internal enum Limit
{
    /// <summary>The F32 fused multiply-adds that all threads can do in vectors of one width.</summary>
    MultiplyAdd,

    /// <summary>The bytes that all threads can read from memory.</summary>
    Bandwidth,
}
