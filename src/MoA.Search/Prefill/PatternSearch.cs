using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;

namespace MoA.Search.Prefill;

/// <summary>
/// MInference's search for the pattern of each head, the version that knows its kernel (<c>search_pattern_v2</c>): texts are read with full attention, and the pattern is
/// taken under which fewest outputs are further off than 0.005; of equal ones the first.
/// </summary>
internal static class PatternSearch
{
    /// <summary>Tokens from which the published candidates are tried as they are; those of shorter texts keep the same shares.</summary>
    public const int WholeLength = 8192;

    /// <summary>Blocks of a head with <c>block_sparse</c> in the official code.</summary>
    public const int PublishedBlocks = 100;

    private const float Tolerance = 5e-3f;

    /// <summary>The published candidates, in their order.</summary>
    /// <param name="scale">What their numbers are multiplied by.</param>
    public static IReadOnlyList<HeadPattern> Candidates(double scale) =>
    [
        new StreamPattern(Scaled(100, scale), Scaled(800, scale)),
        new VerticalSlashPattern(Scaled(30, scale), Scaled(800, scale)),
        new VerticalSlashPattern(Scaled(100, scale), Scaled(800, scale)),
        new VerticalSlashPattern(Scaled(100, scale), Scaled(750, scale)),
        new VerticalSlashPattern(Scaled(500, scale), Scaled(700, scale)),
        new VerticalSlashPattern(Scaled(3500, scale), Scaled(100, scale)),
        new VerticalSlashPattern(Scaled(1000, scale), Scaled(4096, scale)),
        new PooledBlocksPattern(BlocksOf(scale)),
    ];

    /// <summary>Blocks of the candidate of that kind.</summary>
    /// <param name="scale">What their number is multiplied by.</param>
    public static int BlocksOf(double scale) => Math.Max(1, (int)Math.Round(PublishedBlocks * scale));

    /// <summary>What candidates are multiplied by for texts of some length.</summary>
    public static double ScaleOf(int length) => Math.Min(1, (double)length / WholeLength);

    /// <summary>Searches.</summary>
    /// <param name="model">The model.</param>
    /// <param name="texts">Texts, of two tokens or more each.</param>
    /// <param name="scale">What candidates are multiplied by.</param>
    /// <param name="piece">Tokens at a time for which columns and diagonals are chosen.</param>
    /// <param name="progress">Told of every text.</param>
    /// <param name="cancellation">Checked between layers.</param>
    /// <returns>The pattern of each head with its outputs that are further off, [layers][query heads].</returns>
    /// <exception cref="InvalidInputException">No layer looks back without limit, or the device has no kernels for this.</exception>
    public static (HeadPattern Pattern, long Score)[][] Run(
        LanguageModel model, IReadOnlyList<int[]> texts, double scale, int piece, Action<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        Transformer transformer = model.Transformer;
        HeadPattern[] candidates = [.. Candidates(scale)];
        PrefillPolicy[] policies = [.. candidates.Select(pattern => new PrefillPolicy("search", pattern, piece))];
        policies[0].Check(model.Config);
        if (piece > transformer.MaxRows)
            throw new InvalidInputException($"--piece {piece}: a pass reads at most {transformer.MaxRows} tokens; choose a smaller piece");
        if (transformer.Backend.CacheMemory is not HostCacheMemory)
            throw new InvalidInputException($"{transformer.Backend.Description}: patterns are searched on the processor; use --device cpu");
        using AttentionProbe probe = new(transformer, policies, Tolerance);
        ForwardBatch batch = transformer.CreateBatch();
        long tokens = 0;
        for (int i = 0; i < texts.Count; i++)
        {
            using SequenceCache sequence = transformer.CreateSequence(AttentionPolicy.Dense, texts[i].Length);
            transformer.Probe = probe;
            try
            {
                for (int start = 0, count; start < texts[i].Length; start += count)
                {
                    count = policies.Min(policy => policy.NextTokens(start, texts[i].Length - start, transformer.MaxRows));
                    batch.Clear();
                    _ = batch.Add(sequence, texts[i].AsSpan(start, count), AttentionMode.Prefill, texts[i].Length - start - count);
                    transformer.Forward(batch, cancellation);
                    tokens += count;
                }
            }
            finally
            {
                transformer.Probe = null;
            }

            progress?.Invoke(new StepProgress("search", $"text {i + 1}", i + 1, texts.Count, tokens));
        }

        return
        [
            .. Enumerable.Range(0, model.Config.Layers).Select(layer => Enumerable.Range(0, model.Config.QueryHeads).Select(head =>
            {
                int best = Enumerable.Range(0, candidates.Length).MinBy(candidate => probe.Deviations[layer, head, candidate]);
                return (candidates[best], probe.Deviations[layer, head, best]);
            }).ToArray()),
        ];
    }

    private static int Scaled(int tokens, double scale) => Math.Max(1, (int)Math.Round(tokens * scale));
}
