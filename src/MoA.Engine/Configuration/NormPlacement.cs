namespace MoA.Engine.Configuration;

/// <summary>Where the RMS norms of a layer's two branches, attention and feed-forward, stand.</summary>
internal enum NormPlacement
{
    /// <summary>Before a branch: x + f(norm(x)).</summary>
    Before,

    /// <summary>After it: x + norm(f(x)).</summary>
    After,

    /// <summary>Before and after it: x + norm(f(norm(x))).</summary>
    Around,
}
