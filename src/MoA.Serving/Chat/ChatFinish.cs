namespace MoA.Serving.Chat;

/// <summary>Why an answer ended.</summary>
public enum ChatFinish
{
    /// <summary>The model ended its turn, or a stop string came.</summary>
    Stop,

    /// <summary>The most new tokens were written.</summary>
    Length,

    /// <summary>The model waits for tools that it asked for.</summary>
    ToolCalls,

    /// <summary>The caller cancelled it.</summary>
    Cancelled,
}
