namespace MoA.Engine.Tokenization.Patterns;

/// <summary>What an instruction of a compiled pattern does.</summary>
internal enum PatternOperation
{
    /// <summary>The body or the whole pattern has matched.</summary>
    Accept,

    /// <summary>Consumes one code point of the set.</summary>
    Set,

    /// <summary>Consumes between First and Second code points of the set, as many as possible first.</summary>
    RepeatGreedy,

    /// <summary>Consumes between First and Second code points of the set, as few as possible first.</summary>
    RepeatLazy,

    /// <summary>Goes on at First; on failure at Second.</summary>
    Fork,

    /// <summary>Goes on at First.</summary>
    Jump,

    /// <summary>Runs the body after it (up to its Accept) once, keeps where it ended, goes on at First.</summary>
    Atomic,

    /// <summary>Runs the body after it as a condition on the text ahead; goes on at First.</summary>
    LookAhead,

    /// <summary>Asks that the code point before is in the set.</summary>
    LookBehind,

    /// <summary>Asks for the position that First names.</summary>
    Anchor,
}

/// <summary>One instruction of a compiled pattern.</summary>
internal readonly record struct PatternInstruction(
    PatternOperation Operation, CodePointSet? Set = null, int First = 0, int Second = 0, bool Negative = false);
