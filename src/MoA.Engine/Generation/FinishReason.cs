namespace MoA.Engine.Generation;

/// <summary>Why a sequence ended.</summary>
public enum FinishReason
{
    /// <summary>It has not.</summary>
    None,

    /// <summary>The model ended its turn, or a stop string came.</summary>
    Stop,

    /// <summary>The most new tokens were written.</summary>
    Length,

    /// <summary>The caller cancelled it.</summary>
    Cancelled,
}
