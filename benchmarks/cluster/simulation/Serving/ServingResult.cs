using MoA.Cluster.Simulation.Events;

namespace MoA.Cluster.Simulation.Serving;

/// <summary>What a run showed. Counts of conservation are of the whole run; everything else of the time after the warm-up.</summary>
internal sealed class ServingResult
{
    /// <summary>Requests that came, that ended, that were refused at once, that waited too long; what is not ended or refused is under way.</summary>
    public long Asked { get; set; }

    /// <inheritdoc cref="Asked"/>
    public long Ended { get; set; }

    /// <inheritdoc cref="Asked"/>
    public long Refused { get; set; }

    /// <inheritdoc cref="Asked"/>
    public long GaveUp { get; set; }

    /// <summary>Conversations that began, and those whose last turn has ended or was refused.</summary>
    public long Conversations { get; set; }

    /// <inheritdoc cref="Conversations"/>
    public long ConversationsOver { get; set; }

    /// <summary>Requests that began again elsewhere because their member died.</summary>
    public long Interrupted { get; set; }

    /// <summary>Conversations that were given to a member: at their beginning, and when the one that had them was gone.</summary>
    public long Placed { get; set; }

    /// <summary>Requests that were measured, and those of them that were refused in either way.</summary>
    public long Measured { get; set; }

    /// <inheritdoc cref="Measured"/>
    public long MeasuredRefused { get; set; }

    /// <summary>Tokens of prompts that were read; those that had been read before in the same conversation; those of system prompts at the beginning of a conversation.</summary>
    public long TokensRead { get; set; }

    /// <inheritdoc cref="TokensRead"/>
    public long TokensReadAgain { get; set; }

    /// <inheritdoc cref="TokensRead"/>
    public long SystemTokensRead { get; set; }

    /// <summary>Tokens of prompts that were found in caches.</summary>
    public long TokensHeld { get; set; }

    /// <summary>Tokens that were written.</summary>
    public long TokensWritten { get; set; }

    /// <summary>From the question to the first token.</summary>
    public Times FirstToken { get; } = new();

    /// <summary>From the question to the beginning of its reading.</summary>
    public Times Wait { get; } = new();

    /// <summary>From the question to the end of the answer.</summary>
    public Times Whole { get; } = new();

    /// <summary>Seconds that were measured.</summary>
    public double Seconds { get; set; }

    /// <summary>Time in which members had work, as a share; its mean over members, and that of the busiest.</summary>
    public double Busy { get; set; }

    /// <inheritdoc cref="Busy"/>
    public double BusyMost { get; set; }

    /// <summary>Standard deviation of the members' busy shares over their mean.</summary>
    public double Imbalance { get; set; }

    /// <summary>Bytes of requests and of kept caches as shares of all memory, as a mean over the time.</summary>
    public double ReservedShare { get; set; }

    /// <inheritdoc cref="ReservedShare"/>
    public double KeptShare { get; set; }

    /// <summary>The most bytes that a member ever had.</summary>
    public long PeakBytes { get; set; }

    /// <summary>Conversations that were going on, as a mean.</summary>
    public double AtOnce { get; set; }

    /// <summary>Events, and the seconds that it took to simulate them.</summary>
    public long Events { get; set; }

    /// <inheritdoc cref="Events"/>
    public double ElapsedSeconds { get; set; }

    /// <summary>Tokens that a conversation had at the end, as a mean over those that were measured.</summary>
    public double TokensOfConversation { get; set; }

    /// <summary>Tokens read again, as a share of all that were read.</summary>
    public double ReadAgainShare => TokensRead == 0 ? 0 : (double)TokensReadAgain / TokensRead;
}
