using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Evaluation.Estimates;
using MoA.Evaluation.Prompts;

namespace MoA.Cli.Commands;

/// <summary><c>moa generate</c>: text from a prompt, or from many.</summary>
internal sealed class GenerateCommand : CliCommand
{
    private readonly Argument<string?> _prompt = new("prompt")
    {
        Description = "The prompt (else --prompt-file, else standard input)",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _promptFile = new("--prompt-file", "-f")
    {
        Description = "File that holds the prompt",
        HelpName = "FILE",
    };

    private readonly Option<string?> _prompts = new("--prompts")
    {
        Description = "Many prompts, one a line: {\"prompt\":…} or {\"messages\":[…]}, with \"maxNewTokens\" and \"id\" if wanted. They run side " +
            "by side; a run that was interrupted goes on",
        HelpName = "FILE.jsonl",
    };

    private readonly Option<string?> _out = new("--out", "-o")
    {
        Description = "Where the results of --prompts go, one a line in the order of the prompts",
        HelpName = "RESULTS.jsonl",
    };

    private readonly Option<string?> _kvMemory = new("--kv-memory")
    {
        Description = "Memory of the KV caches of --prompts at one time (default: 2GiB); a longer prompt runs alone",
        HelpName = "SIZE",
    };

    private readonly Option<int?> _logProbabilities = new("--logprobs")
    {
        Description = "With --json or --prompts: the log-probability of every token, and the N likeliest in its place",
        HelpName = "N",
    };

    public GenerateCommand(Streams streams)
        : base("generate", "Writes text from a prompt: the argument, a file's text, or standard input; or from many prompts.", streams)
    {
        Examples =
        [
            "moa generate 'Once upon a time' --template off -n 64",
            "moa generate --plan moa-out/plan.json --prompt-file report.txt",
            "cat report.txt | moa generate --temperature 0.7 --seed 1 --json",
            "moa generate --prompts questions.jsonl --out answers.jsonl --system 'Answer in one sentence.'",
        ];
        Arguments.Add(_prompt);
        foreach (Option option in new Option[]
        {
            _promptFile, _prompts, _out, _kvMemory, PromptOptions.System, PromptOptions.Template, _logProbabilities, LookupOption.Option,
            DryRun.Option,
        })
        {
            Options.Add(option);
        }

        ModelOptions.AddTo(this);
        ModelOptions.AddPolicyTo(this);
        SamplingArguments.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        int? logProbabilities = context.Get(_logProbabilities);
        if (logProbabilities is < 0 or > 1000)
            throw new InvalidInputException($"--logprobs {logProbabilities}: expected 0 to 1000 of the likeliest tokens");
        PromptTemplate template = PromptOptions.ReadTemplate(context);
        if (context.IsGiven(_prompts))
            RunMany(context, template, logProbabilities);
        else
            RunOne(context, template, logProbabilities);
    }

    private void RunOne(CommandContext context, PromptTemplate template, int? logProbabilities)
    {
        foreach (Option option in new Option[] { _out, _kvMemory, DryRun.Option })
        {
            if (context.IsGiven(option))
                throw new InvalidInputException($"{option.Name} belongs to --prompts, which is not given");
        }

        if (logProbabilities is not null && !context.Json)
            throw new InvalidInputException("--logprobs shows in JSON only; add --json");
        (string text, string name) = ReadPrompt(context);
        if (text.Length == 0)
            throw EmptyPrompt(name);
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        AttentionPolicy policy = ModelOptions.ReadPolicy(context, model.Config);
        EncodedPrompt prompt = new PromptEncoder(model, template, context.Get(PromptOptions.System)).Encode(text);
        GenerationOptions options = SamplingArguments.Read(context, model) with
        {
            LogProbabilities = logProbabilities,
            ContinuesPrompt = !prompt.IsMessage,
            Lookup = LookupOption.Read(context, model, policy),
        };
        if (prompt.Tokens.Length == 0)
            throw EmptyPrompt(name);
        int room = model.RoomFor(prompt.Tokens.Length, options.MaxNewTokens, name);
        if (room < options.MaxNewTokens && context.IsGiven(SamplingArguments.MaxNewTokens))
            context.Note($"moa: {room} new tokens at most: the model's context of {model.Config.MaxPositions} is full then");
        options = options with { MaxNewTokens = room };
        MmapOption.Apply(context, model, SequenceCache.EstimatePeakBytes(
            model.Config, policy, prompt.Tokens.Length + room, ModelOptions.CacheType(context)));
        using SequenceCache sequence = model.Transformer.CreateSequence(policy, prompt.Tokens.Length + room, ModelOptions.CacheType(context));
        GenerationResult result = new TextGenerator(model).Run(
            sequence, prompt.Tokens, options, context.Json ? null : context.Show, cancellation: context.Cancellation);
        if (context.Json)
            WriteJson(context, model, policy, sequence, result);
        else
            context.Output.WriteLine();
        context.Note(string.Create(CultureInfo.InvariantCulture,
            $"[{policy.FullName}: {result.PromptTokens} prompt tokens at {result.PrefillTokensPerSecond:F0}/s, " +
            $"{result.Tokens.Length} new at {result.DecodeTokensPerSecond:F0}/s{LookupOption.Describe(result)}, KV caches {sequence.Bytes / 1024.0:F0} KiB]"));
    }

    private void RunMany(CommandContext context, PromptTemplate template, int? logProbabilities)
    {
        if (context.Get(_prompt) is not null || context.IsGiven(_promptFile))
            throw new InvalidInputException("the prompt is given twice: drop --prompts, or the argument or --prompt-file");
        string file = RequirePath(context, _prompts), results = RequirePath(context, _out);
        if (Path.GetFullPath(file) == Path.GetFullPath(results))
            throw new InvalidInputException($"--out {results}: is the file of the prompts; choose another");
        long kvMemory = context.Get(_kvMemory) is string size ? ByteSize.Parse("--kv-memory", size) : SequenceGroups.BudgetBytes;
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        AttentionPolicy policy = ModelOptions.ReadPolicy(context, model.Config);
        GenerationOptions options = SamplingArguments.Read(context, model) with
        {
            LogProbabilities = logProbabilities,
            Lookup = LookupOption.Read(context, model, policy),
        };
        IReadOnlyList<PromptItem> items = PromptFile.Read(
            file, model, new PromptEncoder(model, template, context.Get(PromptOptions.System)), options.MaxNewTokens,
            note => context.Note($"moa: {note}"));
        ElementType cacheType = ModelOptions.CacheType(context);
        MmapOption.Apply(context, model, Estimate(ModelSpeed.Unmeasured(model, cacheType)).BytesBesideModel);
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, Estimate(ModelSpeed.Measure(model, cacheType, cancellation: context.Cancellation)));
            return;
        }

        KeepsFinishedWork = true;
        int before = context.WithProgress(progress => new PromptRun(model, policy, options, cacheType, kvMemory)
            .Run(items, results, progress, context.Cancellation));
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteString("results", results);
                writer.WriteNumber("prompts", items.Count);
                writer.WriteNumber("finishedBefore", before);
            });
        }
        else
        {
            context.Output.WriteLine(results);
        }

        RunEstimate Estimate(ModelSpeed speed) => PromptEstimate.Of(model, speed, policy, cacheType, kvMemory, items, results);
    }

    private static string RequirePath(CommandContext context, Option<string?> option) => context.Get(option) is { Length: > 0 } path
        ? path
        : throw new InvalidInputException($"{option.Name}: expected a file; --prompts FILE.jsonl and --out RESULTS.jsonl go together");

    private static InvalidInputException EmptyPrompt(string name) =>
        new($"{name}: there is no text; expected a prompt of at least one token");

    private (string Text, string Name) ReadPrompt(CommandContext context)
    {
        string? argument = context.Get(_prompt), file = context.Get(_promptFile);
        if (argument is not null && file is not null)
            throw new InvalidInputException("the prompt is given twice: drop the argument or --prompt-file");
        if (argument is not null)
            return (argument, "the prompt");
        if (file is null)
        {
            if (context.InputIsTerminal)
                context.Note("moa: type the prompt and end it with Ctrl-D on a line of its own");
            return (context.Read(input => input.ReadToEnd()), "standard input");
        }

        return (InputFile.ReadText(file, "give --prompt-file a text file"), file);
    }

    private static void WriteJson(
        CommandContext context, LanguageModel model, AttentionPolicy policy, SequenceCache sequence, GenerationResult result) =>
        context.WriteJson(writer =>
        {
            GenerationJson.Write(writer, result, model);
            writer.WriteString("policy", policy.FullName);
            writer.WriteNumber("kvBytes", sequence.Bytes);
            writer.WriteNumber("prefillTokensPerSecond", result.PrefillTokensPerSecond);
            writer.WriteNumber("decodeTokensPerSecond", result.DecodeTokensPerSecond);
        });
}
