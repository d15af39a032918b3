namespace MoA.Cluster.Units;

/// <summary>A unit at a member, from the first question for it until it is dropped.</summary>
internal sealed class UnitJob : IDisposable
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _cancellation = new();

    /// <summary>A unit that is to be computed.</summary>
    public UnitJob(UnitCall call)
    {
        Call = call;
        Cancellation = _cancellation.Token;
    }

    /// <summary>The unit.</summary>
    public UnitCall Call { get; }

    /// <summary>When it was last asked for, by <see cref="Environment.TickCount64"/>.</summary>
    public long LastAsked { get; set; }

    /// <summary>Set when nobody wants it any more.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Ends with the unit.</summary>
    public Task Ended => _ended.Task;

    /// <summary>How far it is.</summary>
    public UnitReply Reply { get; private set; } = new() { State = UnitState.NotYet };

    /// <summary>The result, once it is there.</summary>
    public byte[] Result { get; set; } = [];

    /// <summary>Says how it ended.</summary>
    public void End(UnitReply reply)
    {
        Reply = reply;
        _ended.SetResult();
    }

    /// <summary>Nobody wants it any more.</summary>
    public void Dispose()
    {
        _cancellation.Cancel();
        _cancellation.Dispose();
    }
}
