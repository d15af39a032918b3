using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>What the rows of a sequence are.</summary>
/// <param name="Type">Format of the numbers: BF16, F32 or Q8_0.</param>
/// <param name="KeyValueHeads">KV heads of a layer.</param>
/// <param name="HeadSize">Numbers of a row.</param>
/// <param name="Choice">Whether rows are evicted or chosen by their content while the model runs.</param>
internal readonly record struct RowsShape(ElementType Type, int KeyValueHeads, int HeadSize, RowChoice Choice);

/// <summary>Which rows a policy looks into.</summary>
internal enum RowChoice
{
    /// <summary>None: positions alone decide.</summary>
    ByPosition,

    /// <summary>Steps read some rows out of all that are held.</summary>
    ChosenByContent,

    /// <summary>Rows are evicted one by one.</summary>
    EvictedByContent,
}
