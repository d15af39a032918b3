namespace MoA.Cluster.Simulation.Serving;

/// <summary>A request: a question behind all that was said, and the answer to it.</summary>
internal sealed class Turn(Conversation conversation, int questionTokens, int answerTokens, int askedTokens, double arrived)
{
    /// <summary>Whose turn it is.</summary>
    public Conversation Conversation { get; } = conversation;

    /// <summary>Tokens of the answer.</summary>
    public int AnswerTokens { get; } = answerTokens;

    /// <summary>When it was asked.</summary>
    public double Arrived { get; } = arrived;

    /// <summary>Tokens that have to be in the caches before the answer begins.</summary>
    public int PromptTokens { get; } = conversation.Tokens + questionTokens;

    /// <summary>Tokens for which its caches are made: prompt, and as many new ones as were asked for.</summary>
    public int Capacity { get; } = conversation.Tokens + questionTokens + Math.Max(askedTokens, answerTokens);

    /// <summary>When it was given to the member where it is.</summary>
    public double Submitted { get; set; }

    /// <summary>Whether it began already, and whether its first token was seen, before a member died.</summary>
    public bool HasWaited { get; set; }

    /// <inheritdoc cref="HasWaited"/>
    public bool WasSeen { get; set; }

    /// <summary>Bytes that are counted for its caches.</summary>
    public long ReservedBytes { get; set; }

    /// <summary>Whether the system prompt is read first, to be kept.</summary>
    public bool ReadsSystem { get; set; }

    /// <summary>Seconds of reading that are left of the piece that is being read.</summary>
    public double LeftSeconds { get; set; }

    /// <summary>Seconds of reading behind that piece.</summary>
    public double ThenSeconds { get; set; }

    /// <summary>Tokens that it sees in a step while its answer is written, as a mean.</summary>
    public double Seen { get; set; }

    /// <summary>The member's count of steps at which the answer ends.</summary>
    public double EndsAtStep { get; set; }
}
