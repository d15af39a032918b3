using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Serving;

namespace MoA.Cluster.Conversations;

/// <summary>A model as a server serves it, for members that are to hold conversations of it. Each opens it on its own machine: models do not travel.</summary>
[GenerateSerializer, Immutable, Alias("moa.offered-model")]
internal sealed record OfferedModel
{
    /// <summary>Folder, file, or name of the hub, as the server was told.</summary>
    [Id(0)]
    public required string Model { get; init; }

    /// <summary>What makes the answers (<see cref="ServiceFingerprint"/>): a member that finds another model there takes no part. The server that offers it sets it.</summary>
    [Id(1)]
    public string Fingerprint { get; init; } = "";

    /// <summary>What callers call it.</summary>
    [Id(2)]
    public string? Name { get; init; }

    /// <summary>Format that its matrices are converted to; null: as stored.</summary>
    [Id(3)]
    public string? Weights { get; init; }

    /// <summary>A chat template in its own's place: its name, or its file.</summary>
    [Id(4)]
    public string? ChatTemplate { get; init; }

    /// <summary>The policy as it is written on the command line.</summary>
    [Id(5)]
    public string? Policy { get; init; }

    /// <summary>What the plan's file holds.</summary>
    [Id(6)]
    public string? Plan { get; init; }

    /// <summary>Format of the KV rows.</summary>
    [Id(7)]
    public string CacheType { get; init; } = nameof(ElementType.BF16);

    /// <summary>New tokens of a request that does not say how many.</summary>
    [Id(8)]
    public int DefaultNewTokens { get; init; }

    /// <summary>Most sequences at one time.</summary>
    [Id(9)]
    public int MaxSequences { get; init; }

    /// <summary>Most requests that wait.</summary>
    [Id(10)]
    public int QueueLength { get; init; }

    /// <summary>Opens it here.</summary>
    /// <param name="load">What this machine loads it with.</param>
    /// <param name="cacheBytes">Memory for all caches; null: half of what is free.</param>
    /// <param name="note">Told what a log should know.</param>
    /// <exception cref="InvalidInputException">It is not on this machine, or cannot be used.</exception>
    public ModelService Open(ModelLoadOptions load, long? cacheBytes, Action<string> note)
    {
        string? plan = null;
        try
        {
            if (Plan is not null)
                File.WriteAllText(plan = Path.Combine(Path.GetTempPath(), $"moa-plan-{Guid.NewGuid():N}.json"), Plan);
            return ModelService.Open(
                Model,
                load with { Weights = Weights is null ? null : Enum.Parse<ElementType>(Weights), ChatTemplate = ChatTemplate },
                new ServiceOptions
                {
                    Name = Name,
                    PolicyText = Policy,
                    PlanFile = plan,
                    CacheType = Enum.Parse<ElementType>(CacheType),
                    CacheBytes = cacheBytes,
                    DefaultNewTokens = DefaultNewTokens,
                    MaxSequences = MaxSequences,
                    QueueLength = QueueLength,
                    Note = note,
                });
        }
        finally
        {
            if (plan is not null)
                File.Delete(plan);
        }
    }
}
