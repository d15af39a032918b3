using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Search.Units;

namespace MoA.Cluster.Units;

/// <summary>How a member computes units.</summary>
internal sealed record UnitOptions
{
    /// <summary>Makes what units are computed with; called once, when the first comes.</summary>
    public required Func<ComputeBackend> CreateBackend { get; init; }

    /// <summary>What it computes with (<see cref="ComputeBackend.Arithmetic"/>).</summary>
    public required string Arithmetic { get; init; }

    /// <summary>Version of the program.</summary>
    public required string Version { get; init; }

    /// <summary>The model that comes with the program.</summary>
    public required string EmbeddedModel { get; init; }

    /// <summary>Models of this machine that are tried where the name of a unit's is not found, or is another model.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>Whether models may be fetched from the hub.</summary>
    public bool MayPull { get; init; }

    /// <summary>Where the processor reads weights from.</summary>
    public WeightResidency Residency { get; init; } = WeightResidency.Auto;

    /// <summary>Who computes units, one for each kind.</summary>
    public IReadOnlyList<IUnitHandler> Handlers { get; init; } = UnitHandlers.All;

    /// <summary>How long a question is held open: well below the time after which a call counts as lost.</summary>
    public TimeSpan Hold { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A unit that nobody asked for so long is dropped.</summary>
    public TimeSpan Unasked { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Told what an operator should know, in one line.</summary>
    public Action<string> Note { get; init; } = static _ => { };
}
