namespace MoA.Engine.Configuration;

/// <summary>RMS norms of queries and keys before they are turned.</summary>
internal enum QueryKeyNorm
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>Over each head, with one weight of a head's size.</summary>
    PerHead,

    /// <summary>Over all heads of a token together, before they are split.</summary>
    WholeProjection,
}
