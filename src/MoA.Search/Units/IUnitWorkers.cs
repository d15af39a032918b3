using MoA.Engine;

namespace MoA.Search.Units;

/// <summary>Others who compute units: the members of a cluster.</summary>
internal interface IUnitWorkers
{
    /// <summary>Has units computed, and returns once all are.</summary>
    /// <param name="units">The units.</param>
    /// <param name="inOrder">Results come in the order of the units, and only about twice as many units as there are workers are under way or held.</param>
    /// <param name="finished">Gets a unit's index and its result, one call at a time. What it returns is a unit that follows on that one and
    /// takes its index, or null.</param>
    /// <param name="cancellation">Ends the work; what is under way is dropped.</param>
    /// <exception cref="InvalidInputException">A unit cannot be computed, or nobody may compute it; the message says why.</exception>
    /// <exception cref="IOException">A unit failed again and again, or there is nobody to compute it.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    void Run(IReadOnlyList<WorkUnit> units, bool inOrder, Func<int, ReadOnlyMemory<byte>, WorkUnit?> finished, CancellationToken cancellation);
}
