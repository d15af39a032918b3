using System.CommandLine;
using System.CommandLine.Completions;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Energy;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Evaluation.Benchmarking;
using MoA.Evaluation.Estimates;

namespace MoA.Cli.Commands;

/// <summary><c>moa bench</c>: speed and memory over policies, lengths and batch sizes.</summary>
internal sealed class BenchCommand : CliCommand
{
    private static readonly int[] DefaultLengths = [512, 2048];

    private readonly Option<string[]> _policies = new("--policy")
    {
        Description = $"Policies to compare: {PolicyHelp.WithoutSize} (every --plan), {PolicyHelp.WithSize} with a size, as in h2o:density=0.5 (or " +
            $":span=TOKENS), {PolicyHelp.WithHeadScores} with head scores (docs/policies.md), or {PolicyReader.All}:density=0.5{PolicyHelp.Prefill}; may be repeated (default: dense, or the plans)",
        HelpName = PolicyHelp.Form,
        CompletionSources = { _ => PolicyHelp.Completions(PolicyReader.All) },
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _plans = new("--plan")
    {
        Description = "Plan files, each a moa row; may be repeated",
        HelpName = "FILE",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _lengths = new("--lengths")
    {
        Description = "Tokens of context before decoding (default: 512,2048, as far as the model's context goes)",
        HelpName = "N,N,…",
    };

    private readonly Option<string?> _batches = new("--batch")
    {
        Description = "Sequences that run together (default: 1)",
        HelpName = "B,B,…",
    };

    private readonly Option<bool> _largestBatch = new("--largest-batch")
    {
        Description = "In place of --batch: as many sequences of each length and policy as fit into the memory, and into a pass",
    };

    private readonly Option<string?> _memoryLimit = new("--memory-limit")
    {
        Description = "Memory that weights, activations and caches may take, such as 1500MiB or 4GiB (default: what the machine, or the device, has available)",
        HelpName = "SIZE",
    };

    private readonly Option<string?> _shape = new("--shape")
    {
        Description = $"In place of --model: random weights of a shape, drawn on the device itself: {string.Join(", ", ModelShape.Names)}, or " +
            "sizes as 'moa model random' takes them, in bf16 or as --weights says",
        HelpName = "NAME|key=value,…",
        CompletionSources = { _ => ModelShape.Names.Select(name => new CompletionItem(name)) },
    };

    private readonly Option<int?> _decodeTokens = new("--decode-tokens")
    {
        Description = "Decode steps to time (default: 64)",
        HelpName = "N",
    };

    private readonly Option<string?> _sampling = new("--sampling")
    {
        Description = "Also draw tokens so after every step: adds the time that takes a token, and the speed with it, as in " +
            "temperature=0.8,top-k=40,top-p=0.95,min-p=0.05 (without, the likeliest is taken)",
        HelpName = SamplingText.Form,
    };

    private readonly Option<bool> _profile = new("--profile")
    {
        Description = "Also show where the time of a decode step and of reading a prompt goes: each operation's time, waiting, bytes and share of the " +
            "bandwidth (docs/benchmarks.md); on the processor only",
    };

    private readonly Option<bool> _syntheticContext = new("--synthetic-context")
    {
        Description = "Fill the caches with random rows instead of prefilling: decode speed at long contexts without the wait",
    };

    private readonly Option<int?> _repeat = new("--repeat")
    {
        Description = "Times that each figure is measured, policies in turn; the median is given (default: 3)",
        HelpName = "N",
    };

    public BenchCommand(Streams streams)
        : base("bench", "Measures prefill and decode speed, memory, and the share of the machine's read bandwidth that a decode step " +
            "reaches, over policies, lengths and batch sizes. Tokens are random, but valid.", streams)
    {
        Examples =
        [
            "moa bench --lengths 512,2048 --batch 1,8",
            "moa bench --policy dense streaming-llm:density=0.5 --plan moa-out/plan.json --lengths 2048 --json",
            "moa bench --policy dense all:density=0.25 --lengths 4000",
            "moa bench --lengths 512 --sampling temperature=0.8,top-k=40,top-p=0.95,min-p=0.05",
            "moa bench --model ./llama-q8_0.gguf --lengths 512 --profile",
            "moa bench --policy dense --plan moa-out/plan.json --lengths 3072 --decode-tokens 1024 --largest-batch --memory-limit 4GiB --synthetic-context",
            "moa bench --model ./vicuna-7b.gguf --plan plan.json --lengths 16384 --synthetic-context --decode-tokens 16",
            "moa bench --device cuda --shape vicuna-7b --policy dense --plan plan.json --lengths 12288 --decode-tokens 4096 --largest-batch --synthetic-context",
        ];
        Options.Add(_shape);
        Options.Add(_policies);
        Options.Add(_plans);
        Options.Add(_lengths);
        Options.Add(_batches);
        Options.Add(_largestBatch);
        Options.Add(_memoryLimit);
        Options.Add(_decodeTokens);
        Options.Add(_sampling);
        Options.Add(_profile);
        Options.Add(_syntheticContext);
        Options.Add(_repeat);
        Options.Add(DryRun.Option);
        ModelOptions.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        int decodeTokens = CalibrationOptions.Positive(context, _decodeTokens) ?? 64;
        int repeats = CalibrationOptions.Positive(context, _repeat) ?? 3;
        bool largestBatch = context.Get(_largestBatch);
        if (largestBatch && context.Get(_batches) is string batch)
            throw new InvalidInputException($"--batch {batch} --largest-batch: expected one of them");
        int[] batches = Lists.Batches("--batch", context.Get(_batches) ?? "1");
        long? memoryLimit = context.Get(_memoryLimit) is string size ? ByteSize.Parse("--memory-limit", size) : null;
        SamplingOptions? sampling = context.Get(_sampling) is string draw ? SamplingText.Parse("--sampling", draw) : null;
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        if (context.Get(_profile) && backend.Gauge is not null)
            throw new InvalidInputException($"--profile: operations of a device are not timed one by one; leave out --profile, or --device {context.Get(ModelOptions.Device)}");
        using LanguageModel model = Load(context, backend);
        BenchmarkSettings settings = new()
        {
            Lengths = context.Get(_lengths) is string lengths
                ? Lists.Lengths("--lengths", lengths)
                : [.. DefaultLengths.Select(length => Math.Clamp(model.Config.MaxPositions - decodeTokens, 1, length)).Distinct()],
            Batches = batches,
            LargestBatch = largestBatch,
            Room = MemoryRoom.Of(model, memoryLimit),
            DecodeTokens = decodeTokens,
            Sampling = sampling,
            Profile = context.Get(_profile),
            SyntheticContext = context.Get(_syntheticContext),
            Repeats = repeats,
            CacheType = ModelOptions.CacheType(context),
            Threads = GlobalOptions.ReadThreads(context) ?? Environment.ProcessorCount,
            Seed = context.Get(GlobalOptions.Seed) ?? 0,
        };
        IReadOnlyList<BenchmarkPolicy> policies = BenchmarkPolicy.Read(
            context.Get(_policies) ?? [], context.Get(_plans) ?? [], model.Config);
        // The largest batches are reckoned from what weights in memory leave.
        MmapOption.Apply(context, model, largestBatch ? 0 : Estimate(ModelSpeed.Unmeasured(model, settings.CacheType)).BytesBesideModel);
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, Estimate(ModelSpeed.Measure(model, settings.CacheType, cancellation: context.Cancellation)));
            return;
        }

        (EnergyMeter? meter, string? whyNot) = OpenMeter(backend);
        using (meter)
        {
            IReadOnlyList<BenchmarkRow> rows = context.WithProgress(
                progress => new BenchmarkRun(model, settings, progress) { Energy = meter }.Run(policies, context.Cancellation));
            BenchmarkOutput output = new(model, settings, rows, meter?.Source, whyNot);
            if (context.Json)
                output.WriteJson(context);
            else
                output.WriteTable(context);
        }

        RunEstimate Estimate(ModelSpeed speed) => BenchmarkEstimate.Of(model, speed, settings, policies);
    }

    private LanguageModel Load(CommandContext context, ComputeBackend backend)
    {
        if (context.Get(_shape) is not string shape)
            return ModelOptions.Load(context, backend);
        if (context.Get(ModelOptions.Model) is string path)
            throw new InvalidInputException($"--model {path} --shape {shape}: expected one of them");
        ModelConfig config = ModelShape.Parse(shape);
        if (backend.Gauge is null)
        {
            throw new InvalidInputException(
                $"--shape {shape}: the processor reads weights from a file; write one with 'moa model random --shape {shape} --out FILE' and name it with --model");
        }

        return LanguageModel.Random(
            config, ModelOptions.WeightType(context) ?? ElementType.BF16, $"{shape.Split(',')[0]} (random)", backend, context.Get(GlobalOptions.Seed) ?? 0);
    }

    private static (EnergyMeter? Meter, string? WhyNot) OpenMeter(ComputeBackend backend)
    {
        string? whyNot;
        if (backend.Gauge is DeviceGauge device)
        {
            _ = device.TryOpenMeter(out EnergyMeter? counter, out whyNot);
            return (counter, whyNot);
        }

        _ = RaplMeter.TryOpen(out RaplMeter? meter, out whyNot);
        return (meter, whyNot);
    }
}
