namespace MoA.Serving;

/// <summary>A request that cannot be taken; the message is one line with the numbers.</summary>
public sealed class RequestRefusedException : Exception
{
    /// <summary>Creates the exception.</summary>
    public RequestRefusedException(RefusalReason reason, string message) : base(message) => Reason = reason;

    /// <summary>Why.</summary>
    public RefusalReason Reason { get; }
}
