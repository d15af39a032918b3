using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;

namespace MoA.Engine.Models;

/// <summary>
/// Reads a prompt once more before rows are chosen, for policies that go by that: each part of it behind a copy of the caches, which are left as they are but
/// for the scores of their rows.
/// </summary>
internal static class SecondReading
{
    /// <summary>Tokens of a part at least, where the context leaves less: then positions go beyond it.</summary>
    public const int LeastPart = 128;

    /// <summary>Whether a sequence is to be read again before it goes on.</summary>
    public static bool IsDue(in AttentionSegment segment) => segment.Mode == AttentionMode.Decode && segment.Cache.AwaitsSecondReading;

    /// <summary>Reads a sequence again, and chooses its rows where they are shared out over layers.</summary>
    /// <param name="sequence">The caches.</param>
    /// <param name="prompt">How the model is told to repeat.</param>
    /// <param name="longestText">Tokens of the model's context; parts are as short as it takes to stay within, down to <see cref="LeastPart"/>.</param>
    /// <param name="batch">Carries the passes.</param>
    /// <param name="run">Runs one.</param>
    public static void Run(SequenceCache sequence, RepetitionPrompt prompt, int longestText, ForwardBatch batch, Action<ForwardBatch> run)
    {
        EvictionPolicy policy = sequence.Eviction!;
        int chunk = ((RepetitionScorer)policy.Scorer).Chunk, room = longestText - sequence.Length - prompt.Words;
        chunk = Math.Max(Math.Min(chunk, room), Math.Min(chunk, LeastPart));
        int[] text = [.. sequence.TokensRead];
        int start = sequence.Length - text.Length;
        for (int from = 0; from < text.Length; from += chunk)
        {
            int count = Math.Min(chunk, text.Length - from);
            int[] tokens = [.. prompt.Before(text.AsSpan(0, from)), .. text.AsSpan(from, count)];
            using SequenceCache copy = sequence.CopyToRead(
                tokens.Length, new RepeatedPart(sequence, start + from, count, Math.Min(RepetitionScorer.Sink, start + from)));
            sequence.NotePeak(copy.AllocatedBytes);
            for (int read = 0; read < tokens.Length; read += batch.Rows)
            {
                batch.Clear();
                _ = batch.Add(copy, tokens.AsSpan(read, Math.Min(batch.Room, tokens.Length - read)), AttentionMode.Prefill);
                run(batch);
            }
        }

        sequence.EndSecondReading();
        if (policy.DividesOverLayers)
            RowEviction.Settle(sequence, policy, sequence.EvictingLayers);
    }
}
