using System.Globalization;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;

namespace MoA.Evaluation.Benchmarking;

/// <summary>What a benchmark will measure; refuses what cannot be before anything runs.</summary>
internal static class BenchmarkCases
{
    /// <summary>The rows, in groups that take turns: by length, and by batch unless each policy has the largest of its own.</summary>
    /// <exception cref="InvalidInputException">As <see cref="BenchmarkRun.Run"/> would throw it.</exception>
    public static IReadOnlyList<BenchmarkCase[]> Of(LanguageModel model, BenchmarkSettings settings, IReadOnlyList<BenchmarkPolicy> policies)
    {
        CheckLengths(model, settings);
        MemoryRoom room = settings.Room ?? MemoryRoom.Of(model);
        int most = model.Transformer.MaxRows;
        return settings.LargestBatch
            ? [.. settings.Lengths.Select(length => Group(length, each => (int)Math.Min(most, Math.Max(0, room.FreeBytes) / each)))]
            : [.. settings.Lengths.SelectMany(_ => settings.Batches, (length, batch) => Group(length, _ => batch))];

        BenchmarkCase[] Group(int length, Func<long, int> batchOf) => [.. policies.Select(policy =>
        {
            long each = SequenceCache.EstimateBytes(model.Config, policy.Policy, length + settings.DecodeTokens, settings.CacheType)
                + AttentionNotes.MostBytes(model.Config, policy.Policy, length + settings.DecodeTokens);
            int batch = batchOf(each);
            if (batch == 0)
                throw DoesNotFit(room, $"{policy.Label}, --lengths {length}: the caches of one sequence", each, "shorter lengths");
            if (each * batch > room.FreeBytes)
                throw DoesNotFit(room, $"{policy.Label}, --lengths {length} --batch {batch}: the caches", each * batch, "shorter lengths, a smaller batch");
            return new BenchmarkCase(policy, length, batch, each * batch);
        })];
    }

    private static InvalidInputException DoesNotFit(MemoryRoom room, string what, long bytes, string mend) => new(string.Create(CultureInfo.InvariantCulture,
        $"{what} take {bytes / 1048576.0:#,0.#} MiB, but beside {room.HeldBytes / 1048576.0:#,0.#} MiB of weights and activations only " +
        $"{Math.Max(0, room.FreeBytes) / 1048576.0:#,0.#} MiB are free; choose {mend}, a plan that keeps less or a larger --memory-limit"));

    private static void CheckLengths(LanguageModel model, BenchmarkSettings settings)
    {
        foreach (int length in settings.Lengths)
        {
            if ((long)length + settings.DecodeTokens > model.Config.LongestText)
            {
                throw new InvalidInputException(
                    $"--lengths {length}: with {settings.DecodeTokens} decoded tokens this exceeds the context of {model.Name}, " +
                    $"{model.Config.MaxPositions} tokens (--synthetic-context does not lift it); choose shorter lengths or fewer --decode-tokens");
            }
        }

        foreach (int batch in settings.Batches)
        {
            if (batch > model.Transformer.MaxRows)
            {
                throw new InvalidInputException(
                    $"--batch {batch}: at most {model.Transformer.MaxRows} sequences share a forward pass; choose a smaller batch");
            }
        }
    }
}
