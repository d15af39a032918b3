using MoA.Engine.Generation;
using MoA.Search.Units;

namespace MoA.Cluster.Benchmarks;

/// <summary>Units that take a time and give bytes, and compute nothing.</summary>
internal sealed class SleepingHandler : IUnitHandler
{
    private const string Name = "sleep";

    /// <inheritdoc/>
    public string Kind => Name;

    /// <summary>A unit.</summary>
    /// <param name="number">Tells it from others.</param>
    /// <param name="time">How long it takes.</param>
    /// <param name="resultBytes">Bytes of its result.</param>
    /// <param name="payloadBytes">Bytes that go to the member.</param>
    public static WorkUnit Of(int number, TimeSpan time, int resultBytes, int payloadBytes) => new(Name, UnitFormat.Write(writer =>
    {
        writer.Write(number);
        writer.Write((int)time.TotalMilliseconds);
        writer.Write(resultBytes);
        writer.Write(new byte[payloadBytes]);
    }), $"unit {number}");

    /// <inheritdoc/>
    public byte[] Run(LanguageModel model, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        BinaryReader reader = new(new MemoryStream(payload.ToArray()));
        _ = reader.ReadInt32();
        int milliseconds = reader.ReadInt32();
        byte[] result = new byte[reader.ReadInt32()];
        if (milliseconds > 0 && cancellation.WaitHandle.WaitOne(milliseconds))
            throw new OperationCanceledException(cancellation);
        return result;
    }
}
