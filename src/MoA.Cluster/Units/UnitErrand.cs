using MoA.Search.Units;

namespace MoA.Cluster.Units;

/// <summary>A unit that was handed to a member.</summary>
internal sealed class UnitErrand
{
    private readonly CancellationTokenSource _cancellation;

    /// <summary>A unit that the member has from now on.</summary>
    public UnitErrand(UnitMember member, int index, WorkUnit unit, CancellationToken run)
    {
        (Member, Index, Unit) = (member, index, unit);
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(run);
        Cancellation = _cancellation.Token;
        member.Errands.Add(this);
    }

    /// <summary>The member.</summary>
    public UnitMember Member { get; }

    /// <summary>The unit's index in the schedule.</summary>
    public int Index { get; }

    /// <summary>The unit.</summary>
    public WorkUnit Unit { get; }

    /// <summary>Whether the member has computed it, and only the result is still on its way.</summary>
    public bool IsComputed { get; set; }

    /// <summary>Ends with the run, or when the unit was taken from the member.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>The unit is not the member's any more; what it answers does not count.</summary>
    public void End()
    {
        _ = Member.Errands.Remove(this);
        _cancellation.Cancel();
        _cancellation.Dispose();
    }
}
