namespace MoA.Engine.Attention;

/// <summary>How the scores of neighbouring tokens are combined before the best are chosen.</summary>
internal enum PoolingKind
{
    /// <summary>The mean of the neighbourhood; places beyond the ends count as zeros.</summary>
    Average,

    /// <summary>The largest of the neighbourhood.</summary>
    Maximum,
}
