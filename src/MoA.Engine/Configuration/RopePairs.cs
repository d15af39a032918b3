namespace MoA.Engine.Configuration;

/// <summary>
/// Which components of a head rotary position embedding turns together. The two are the same model with the rows of the
/// query and key projections in another order.
/// </summary>
internal enum RopePairs
{
    /// <summary>Component f with component f + d/2, as in the transformers library (rotate-half).</summary>
    Halves,

    /// <summary>Component 2f with component 2f + 1, as in the original Llama and in its GGUF files.</summary>
    Adjacent,
}
