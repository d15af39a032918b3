using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>Passes over tokens whose logits are compared.</summary>
internal static class Passes
{
    /// <summary>Logits of every position, read in chunks.</summary>
    public static float[] Logits(Transformer transformer, SequenceCache sequence, ReadOnlySpan<int> tokens, int chunk, AttentionMode mode)
    {
        int vocabulary = transformer.Config.VocabularySize;
        float[] logits = new float[tokens.Length * vocabulary];
        ForwardBatch batch = transformer.CreateBatch();
        for (int start = 0; start < tokens.Length; start += chunk)
        {
            int count = Math.Min(chunk, tokens.Length - start);
            batch.Clear();
            int first = batch.Add(sequence, tokens.Slice(start, count), mode);
            transformer.Forward(batch);
            for (int row = 0; row < count; row += Transformer.MaxLogitRows)
            {
                int[] rows = [.. Enumerable.Range(first + row, Math.Min(Transformer.MaxLogitRows, count - row))];
                transformer.Logits(batch, rows, logits.AsSpan((start + row) * vocabulary));
            }
        }

        return logits;
    }

    /// <summary>The largest difference, relative to the largest magnitude of what is expected; not a number where a logit is none.</summary>
    public static double RelativeError(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        if (actual.Length != expected.Length)
            throw new InvalidOperationException($"{actual.Length} logits instead of {expected.Length}");
        double largest = 0, difference = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs(expected[i]));
            // Math.Max hands on what is no number.
            difference = Math.Max(difference, Math.Abs((double)actual[i] - expected[i]));
        }

        return difference / largest;
    }

    /// <summary>Random tokens.</summary>
    public static int[] Tokens(int count, int vocabulary)
    {
        Random random = new(count);
        int[] tokens = new int[count];
        for (int i = 0; i < count; i++)
            tokens[i] = random.Next(vocabulary);
        return tokens;
    }
}
