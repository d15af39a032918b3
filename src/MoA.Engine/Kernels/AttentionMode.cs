namespace MoA.Engine.Kernels;

/// <summary>How the rows of a sequence attend.</summary>
internal enum AttentionMode
{
    /// <summary>Rows of a prompt: masked by whole blocks of 64; keys and values are stored after all rows attended.</summary>
    Prefill,

    /// <summary>
    /// A generated row: stored first, then attends to the sink and the last ring rows, itself included. Several are drafts of one
    /// another's successors: each does so after the one before, as if it came in a pass of its own, and the last can be taken back.
    /// </summary>
    Decode,
}
