using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using MoA.Benchmarks.Kernels;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.SparsePrefill;

/// <summary>
/// Time of one layer's attention over a whole prompt of random rows under prefill policies, pass by pass: choosing keys and attending to them apart, beside the
/// share of all pairs of rows that attended.
/// </summary>
internal sealed class SparsePrefillCommand : Command
{
    private readonly Option<int> _length = new("--length") { DefaultValueFactory = _ => 16384, Description = "Tokens of the prompt" };
    private readonly Option<int> _pass = new("--pass") { DefaultValueFactory = _ => 512, Description = "Tokens of a pass" };
    private readonly Option<int> _threads = new("--threads") { Description = "Threads (default: one for each processor)" };

    private readonly Option<string[]> _policies = new("--policy")
    {
        DefaultValueFactory = _ => ["dense"],
        AllowMultipleArgumentsPerToken = true,
        Description = "Policies",
    };

    public SparsePrefillCommand()
        : base("sparse-prefill", "Times one layer's attention over a prompt, in the shape of Llama 3.2 1B, under prefill policies.")
    {
        Options.Add(_length);
        Options.Add(_pass);
        Options.Add(_threads);
        Options.Add(_policies);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        int length = Math.Max(1, parsed.GetValue(_length)), pass = Math.Max(1, parsed.GetValue(_pass));
        ModelConfig config = AttentionShapes.Config(layers: 1, keyValueHeads: 8, group: 4, headSize: 64);
        try
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(parsed.GetValue(_threads));
            using Tensor queries = Activations.Random(backend, length, config.QueryHeads * config.HeadSize);
            using Tensor keys = Activations.Random(backend, length, config.KeyValueHeads * config.HeadSize);
            Console.WriteLine($"one layer of Llama 3.2 1B, {length} tokens in passes of {pass}, {backend.Description}");
            Console.WriteLine($"{"policy",-64}{"kept",8}{"attention, s",14}{"over kept, s",14}{"selection, s",14}");
            foreach (string text in parsed.GetValue(_policies)!)
            {
                AttentionPolicy policy = PolicyReader.Read(text, null, config);
                _ = Measure(backend, config, policy, queries, keys, Math.Min(length, 2 * pass), pass); // compiles
                (double attention, double selection, double share) = Measure(backend, config, policy, queries, keys, length, pass);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"{text,-64}{share,8:F4}{attention,14:F3}{attention / share,14:F3}{selection,14:F3}"));
            }

            return 0;
        }
        catch (InvalidInputException e)
        {
            Console.Error.WriteLine(e.Message);
            return Program.BadArguments;
        }
    }

    private static (double Attention, double Selection, double Share) Measure(
        ComputeBackend backend, ModelConfig config, AttentionPolicy policy, Tensor queries, Tensor keys, int length, int pass)
    {
        using SequenceCache cache = new(config, policy, length, ElementType.BF16, backend.CacheMemory);
        using Tensor q = backend.Allocate(pass, queries.Columns), k = backend.Allocate(pass, keys.Columns), v = backend.Allocate(pass, keys.Columns);
        using Tensor outputs = backend.Allocate(pass, queries.Columns);
        AttentionWork work = new(config);
        double attention = 0, selection = 0;
        for (int left = length, rows; left > 0; left -= rows)
        {
            rows = cache.NextTokens(left, pass);
            if (rows == 0)
                throw new InvalidInputException($"--pass {pass}: pieces of the policy are larger");
            int first = length - left;
            Copy(queries, first, rows, q);
            Copy(keys, first, rows, k);
            Copy(keys, first, rows, v);
            work.Clear();
            work.Add(cache, rows, AttentionMode.Prefill, left - rows);
            long start = Stopwatch.GetTimestamp();
            backend.ChooseKeys(work, 0, q, k, v);
            long chosen = Stopwatch.GetTimestamp();
            backend.Attend(work, 0, q, k, v, outputs);
            selection += Stopwatch.GetElapsedTime(start, chosen).TotalSeconds;
            attention += Stopwatch.GetElapsedTime(chosen).TotalSeconds;
            cache.Advance(rows);
        }

        return (attention, selection, cache.PairsInAll == 0 ? 1 : (double)cache.PairsSeen / cache.PairsInAll);
    }

    private static unsafe void Copy(Tensor from, int first, int rows, Tensor to) =>
        new ReadOnlySpan<float>(from.Data + (nint)first * from.Columns, rows * from.Columns).CopyTo(new Span<float>(to.Data, rows * to.Columns));
}
