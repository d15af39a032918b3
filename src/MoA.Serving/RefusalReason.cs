namespace MoA.Serving;

/// <summary>Why a request is not taken.</summary>
public enum RefusalReason
{
    /// <summary>Prompt and new tokens are longer than the model's context.</summary>
    ContextTooLong,

    /// <summary>Its caches alone are larger than all memory for caches.</summary>
    NeverFits,

    /// <summary>Too many requests wait already.</summary>
    QueueFull,

    /// <summary>It waited as long as anyone may.</summary>
    WaitedTooLong,

    /// <summary>The service is being stopped.</summary>
    Stopping,

    /// <summary>Nobody that could answer it can be reached now.</summary>
    Unavailable,
}
