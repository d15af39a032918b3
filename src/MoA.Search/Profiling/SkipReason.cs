namespace MoA.Search.Profiling;

/// <summary>Why an item is not used at a length N.</summary>
public enum SkipReason
{
    /// <summary>It has at most N/2 tokens.</summary>
    TooShort,

    /// <summary>It has more than N tokens.</summary>
    TooLong,

    /// <summary>It marks no predicted token as part of an answer.</summary>
    NoAnswer,
}
