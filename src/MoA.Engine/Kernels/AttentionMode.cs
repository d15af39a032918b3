namespace MoA.Engine.Kernels;

/// <summary>How the rows of a sequence attend.</summary>
public enum AttentionMode
{
    /// <summary>Rows of a prompt: masked by whole blocks of 64; keys and values are stored after all rows attended.</summary>
    Prefill,

    /// <summary>One generated row: stored first, then attends to the sink and the last ring rows, itself included.</summary>
    Decode,
}
