namespace MoA.Engine.Tokenization.PreTokenizing;

/// <summary>What becomes of the delimiters that a split finds.</summary>
internal enum SplitBehavior
{
    /// <summary>They are dropped.</summary>
    Removed,

    /// <summary>Each is a piece of its own.</summary>
    Isolated,

    /// <summary>Each is joined to the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>Each is joined to the piece after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring ones are one piece.</summary>
    Contiguous,
}
