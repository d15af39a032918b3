using MoA.Cluster.Hosting;
using MoA.Engine.Numerics;
using Orleans.Runtime;

namespace MoA.Cluster.Members;

/// <summary>What this process, as a member, says of itself; shared by its parts.</summary>
internal sealed class MemberState(MemberOptions options, ILocalSiloDetails self, IEnumerable<IMemberPart> parts)
{
    private readonly DateTimeOffset _joined = DateTimeOffset.UtcNow;
    private readonly IMemberPart[] _parts = [.. parts];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What it computes with.</summary>
    public string Arithmetic { get; set; } = "";

    /// <summary>Processors that it computes with.</summary>
    public int Threads { get; set; } = Environment.ProcessorCount;

    /// <summary>Whether it takes nothing new.</summary>
    public bool IsDraining => _drained.Task.IsCompleted;

    /// <summary>Ends when somebody asks the member to leave.</summary>
    public Task DrainAsked => _drained.Task;

    /// <summary>Takes nothing new from now on.</summary>
    public void Drain() => _drained.TrySetResult();

    /// <summary>All of it.</summary>
    public MemberReport Report()
    {
        MemberReport report = new()
        {
            Name = options.Name,
            Address = self.SiloAddress.ToParsableString(),
            Version = options.Version,
            Arithmetic = Arithmetic,
            Joined = _joined,
            IsDraining = IsDraining,
            Threads = Threads,
            ResidentBytes = Environment.WorkingSet,
            AvailableBytes = AvailableMemory.Bytes(),
        };
        foreach (IMemberPart part in _parts)
            report = part.AddTo(report);
        return report;
    }
}
