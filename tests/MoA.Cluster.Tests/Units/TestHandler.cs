using MoA.Engine.Generation;
using MoA.Search.Units;

namespace MoA.Cluster.Tests.Units;

/// <summary>Units of a test.</summary>
internal sealed class TestHandler(Func<byte[], CancellationToken, byte[]> run) : IUnitHandler
{
    public const string Name = "test";

    public string Kind => Name;

    public byte[] Run(LanguageModel model, ReadOnlyMemory<byte> payload, CancellationToken cancellation) => run(payload.ToArray(), cancellation);

    /// <summary>Units with the payloads 0, 1, 2, ….</summary>
    public static WorkUnit[] Units(int count) => [.. Enumerable.Range(0, count).Select(i => new WorkUnit(Name, [(byte)i], $"unit {i}"))];
}
