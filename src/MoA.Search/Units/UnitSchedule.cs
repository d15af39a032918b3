using System.Diagnostics.CodeAnalysis;
using MoA.Engine;

namespace MoA.Search.Units;

/// <summary>
/// Which member computes which unit, and what becomes of the results. Units are handed out in their order; one that failed goes to
/// another member where there is one, and stops everything when it has failed three times; one whose member was lost is handed out
/// again, which is no failure. For one caller at a time.
/// </summary>
internal sealed class UnitSchedule
{
    /// <summary>Failures of one unit that stop the run.</summary>
    public const int MostFailures = 3;

    private readonly Slot[] _slots;
    private readonly bool _inOrder;
    private readonly Func<int, ReadOnlyMemory<byte>, WorkUnit?> _finished;
    private readonly SortedSet<int> _free;
    private int _delivered;

    /// <summary>A schedule of which nothing is handed out; the parameters are those of <see cref="IUnitWorkers.Run"/>.</summary>
    public UnitSchedule(IReadOnlyList<WorkUnit> units, bool inOrder, Func<int, ReadOnlyMemory<byte>, WorkUnit?> finished)
    {
        ArgumentNullException.ThrowIfNull(units);
        _slots = [.. units.Select(unit => new Slot(unit))];
        _inOrder = inOrder;
        _finished = finished;
        _free = [.. Enumerable.Range(0, _slots.Length)];
    }

    /// <summary>Whether every result was delivered, and no unit follows.</summary>
    public bool IsDone => _delivered == _slots.Length;

    /// <summary>Units that nobody has.</summary>
    public int Free => _free.Count;

    /// <summary>Takes a unit for a member.</summary>
    /// <param name="member">The member.</param>
    /// <param name="members">All members that take part, this one too.</param>
    /// <param name="index">The unit's index.</param>
    /// <param name="unit">The unit.</param>
    /// <returns>Whether there is one for it now; there may be later, until all are done.</returns>
    public bool TryTake(string member, IReadOnlyCollection<string> members, out int index, [NotNullWhen(true)] out WorkUnit? unit)
    {
        ArgumentNullException.ThrowIfNull(members);
        int end = _inOrder ? _delivered + 2 * Math.Max(1, members.Count) : _slots.Length;
        foreach (int free in _free)
        {
            if (free >= end)
                break;
            Slot slot = _slots[free];
            if (slot.FailedOn.Contains(member) && !members.All(slot.FailedOn.Contains))
                continue;
            _ = _free.Remove(free);
            (index, unit) = (free, slot.Unit);
            return true;
        }

        (index, unit) = (-1, null);
        return false;
    }

    /// <summary>A unit's member was lost before it had answered.</summary>
    public void GiveBack(int index) => _ = _free.Add(index);

    /// <summary>A member could not compute a unit.</summary>
    /// <exception cref="InvalidInputException">For the third time, and what was asked for is to blame.</exception>
    /// <exception cref="IOException">For the third time.</exception>
    public void Fail(int index, string member, UnitFailure failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        Slot slot = _slots[index];
        _ = slot.FailedOn.Add(member);
        if (++slot.Failures < MostFailures)
        {
            GiveBack(index);
            return;
        }

        throw failure.IsInput
            ? new InvalidInputException(failure.Reason)
            : new IOException($"{slot.Unit.Title}: failed {MostFailures} times, the last time on {member}: {failure.Reason}");
    }

    /// <summary>A member has computed a unit. The result is delivered now or, in order, once all before it are.</summary>
    public void Finish(int index, ReadOnlyMemory<byte> result)
    {
        if (!_inOrder)
        {
            Deliver(index, result);
            return;
        }

        _slots[index].Held = result;
        while (_delivered < _slots.Length && _slots[_delivered].Held is ReadOnlyMemory<byte> next)
        {
            _slots[_delivered].Held = null;
            Deliver(_delivered, next);
        }
    }

    private void Deliver(int index, ReadOnlyMemory<byte> result)
    {
        if (_finished(index, result) is WorkUnit next)
        {
            _slots[index] = new Slot(next);
            GiveBack(index);
        }
        else
        {
            _delivered++;
        }
    }

    private sealed class Slot(WorkUnit unit)
    {
        public WorkUnit Unit { get; } = unit;

        public HashSet<string> FailedOn { get; } = [];

        public int Failures { get; set; }

        public ReadOnlyMemory<byte>? Held { get; set; }
    }
}
