namespace MoA.Engine.Attention;

/// <summary>Which heads the rules of a plan belong to.</summary>
public enum HeadKind
{
    /// <summary>One rule per query head; a KV head stores the largest rows of its group.</summary>
    Query,

    /// <summary>One rule per KV head, shared by its group of query heads.</summary>
    KeyValue,
}
