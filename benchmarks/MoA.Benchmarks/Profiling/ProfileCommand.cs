using System.CommandLine;
using System.Globalization;

namespace MoA.Benchmarks.Profiling;

/// <summary><c>profile</c>: time and memory of profiling one item, beside a dense prefill of the same tokens.</summary>
internal sealed class ProfileCommand : Command
{
    private readonly Option<string> _model = new("--model", "-m")
    {
        Description = "Model folder in Hugging Face layout, or .gguf file",
        HelpName = "PATH",
        Required = true,
    };

    private readonly Option<int> _tokens = new("--tokens")
    {
        Description = "Tokens of the item",
        HelpName = "N",
        DefaultValueFactory = _ => 4096,
    };

    private readonly Option<int> _answerTokens = new("--answer-tokens")
    {
        Description = "Tokens of its answer, at the end",
        HelpName = "N",
        DefaultValueFactory = _ => 128,
    };

    private readonly Option<int> _rounds = new("--rounds")
    {
        Description = "Profiles, each followed by a prefill",
        HelpName = "N",
        DefaultValueFactory = _ => 2,
    };

    private readonly Option<int> _threads = new("--threads", "-t")
    {
        Description = "Threads (default: one for each processor)",
        HelpName = "N",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    public ProfileCommand()
        : base("profile", "Measures time and memory of profiling one item, in turn with a dense prefill of the same tokens.")
    {
        Options.Add(_model);
        Options.Add(_tokens);
        Options.Add(_answerTokens);
        Options.Add(_rounds);
        Options.Add(_threads);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        int tokens = parsed.GetValue(_tokens), answerTokens = parsed.GetValue(_answerTokens);
        if (answerTokens < 1 || answerTokens > tokens || parsed.GetValue(_rounds) < 1 || parsed.GetValue(_threads) < 1)
        {
            Console.Error.WriteLine("expected numbers above 0, and no more --answer-tokens than --tokens");
            return Program.BadArguments;
        }

        using ProfileBenchmark benchmark = new(parsed.GetValue(_model)!, parsed.GetValue(_threads));
        List<ProfileRound> rounds = [];
        foreach (ProfileRound round in benchmark.Run(tokens, answerTokens, parsed.GetValue(_rounds)))
        {
            rounds.Add(round);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"round {rounds.Count}: profile {round.ProfileSeconds:F1} s ({round.ProfileCpuSeconds:F1} s of processors), prefill " +
                $"{round.PrefillSeconds:F1} s ({round.PrefillCpuSeconds:F1} s of processors)"));
        }

        double ratio = rounds.Min(round => round.ProfileSeconds) / rounds.Min(round => round.PrefillSeconds);
        double cpuRatio = rounds.Min(round => round.ProfileCpuSeconds) / rounds.Min(round => round.PrefillCpuSeconds);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{tokens} tokens, {answerTokens} of them in the answer: profile / prefill {ratio:F2} by time, {cpuRatio:F2} by processor " +
            $"time (best of {rounds.Count} each); {benchmark.PeakAnonymousBytes / 1048576.0:F0} MiB at most without a file behind it"));
        return 0;
    }
}
