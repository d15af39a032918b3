using System.Runtime.InteropServices;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;

namespace MoA.Search.Units;

/// <summary>The log-probabilities of marked tokens of a text under a policy.</summary>
internal sealed class ScoresUnit : IUnitHandler
{
    private const string Name = "scores";

    /// <inheritdoc/>
    public string Kind => Name;

    /// <summary>The unit of a text.</summary>
    /// <param name="policy">Which rows of the past stay.</param>
    /// <param name="cacheType">Format of the KV rows.</param>
    /// <param name="tokens">The text.</param>
    /// <param name="isScored">For each token whether it is scored.</param>
    /// <param name="origin">Where it comes from, for messages.</param>
    /// <param name="decodeFrom">Tokens that go through prefill (<see cref="SequenceScorer.DecodeFrom"/>).</param>
    public static WorkUnit Of(
        AttentionPolicy policy, ElementType cacheType, int[] tokens, bool[] isScored, string origin, int decodeFrom = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return new WorkUnit(Name, UnitFormat.Write(writer =>
        {
            writer.WritePolicy(policy);
            writer.WriteCacheType(cacheType);
            writer.Write7BitEncodedInt(decodeFrom);
            writer.WriteTokens(tokens);
            writer.WriteMarks(isScored);
        }), $"the loss of {origin} under {policy.FullName}");
    }

    /// <summary>Scores a text.</summary>
    /// <param name="model">The model, which nobody else runs meanwhile.</param>
    /// <param name="policy">Which rows of the past stay.</param>
    /// <param name="cacheType">Format of the KV rows.</param>
    /// <param name="tokens">The text.</param>
    /// <param name="isScored">For each token whether it is scored.</param>
    /// <param name="decodeFrom">Tokens that go through prefill.</param>
    /// <param name="cancellation">Checked between layers.</param>
    public static ScoredText Compute(
        LanguageModel model, AttentionPolicy policy, ElementType cacheType, int[] tokens, bool[] isScored, int decodeFrom,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        SequenceScorer scorer = new(model.Transformer) { Policy = policy, CacheType = cacheType, DecodeFrom = decodeFrom };
        return new ScoredText(scorer.Score(tokens, isScored, cancellation), scorer.HeldBytes);
    }

    /// <inheritdoc/>
    public byte[] Run(LanguageModel model, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        (AttentionPolicy policy, ElementType cacheType, int decodeFrom, int[] tokens, bool[] marks) = UnitFormat.Read(
            payload, "unit of scores", reader =>
            {
                AttentionPolicy policy = reader.ReadPolicy(model.Config);
                ElementType cacheType = reader.ReadCacheType();
                int decodeFrom = reader.ReadWithin(1, int.MaxValue);
                int[] tokens = reader.ReadTokens();
                return (policy, cacheType, decodeFrom, tokens, reader.ReadMarks(tokens.Length));
            });
        if (tokens.Length == 0 || marks[0])
            throw new InvalidInputException("unit of scores: the first token of a text has no probability; expected marks on others");
        model.CheckLength(tokens.Length, "unit of scores");
        ScoredText scored = Compute(model, policy, cacheType, tokens, marks, decodeFrom, cancellation);
        return UnitFormat.Write(writer =>
        {
            writer.Write(MemoryMarshal.AsBytes(scored.Scores.AsSpan()));
            writer.Write(scored.KvBytes);
        });
    }

    /// <summary>Reads the result of a unit.</summary>
    /// <param name="result">The bytes.</param>
    /// <param name="scored">How many tokens were to be scored.</param>
    /// <exception cref="InvalidInputException">It is no such result.</exception>
    public static ScoredText ReadResult(ReadOnlyMemory<byte> result, int scored) => UnitFormat.Read(result, "result of scores", reader =>
    {
        byte[] bytes = reader.ReadBytes(scored * sizeof(double));
        return bytes.Length == scored * sizeof(double)
            ? new ScoredText(MemoryMarshal.Cast<byte, double>(bytes).ToArray(), reader.ReadInt64()) : throw new EndOfStreamException();
    });
}
