using System.Diagnostics;
using MoA.Gpu.Benchmarks.Parts;
using MoA.Gpu.Benchmarks.Report;

namespace MoA.Gpu.Benchmarks;

/// <summary>Everything that is to be learnt on a card, the most important first, within a budget of seconds.</summary>
internal sealed class CardRun
{
    // A part is left out where less is left of the budget than a twentieth of it, or than its own least.
    private const double LeastShare = 0.02;

    private readonly CardOptions _options;
    private readonly GpuBackend _backend;
    private readonly ResultLog _log;
    private readonly long _start = Stopwatch.GetTimestamp();

    public CardRun(CardOptions options, GpuBackend backend, ResultLog log)
    {
        _options = options;
        _backend = backend;
        _log = log;
    }

    /// <summary>Runs all parts.</summary>
    /// <returns>Whether everything that was compared was equal, and all comparisons ran.</returns>
    public bool Run()
    {
        CardSizes sizes = _options.IsEmulated ? CardSizes.Tiny : CardSizes.Card;
        _log.Describe(_backend.Session.Device, _backend.Description, _options.BudgetSeconds);
        (string Name, double Share, Action<PartScope> Run)[] parts =
        [
            ("equality", 0.30, scope => new EqualityPart(scope, _backend, sizes, _options).Run()),
            ("kernels", 0.05, scope => KernelPart.Run(scope, _backend)),
            ("limits", 0.10, scope => new LimitsPart(scope, _backend, sizes).Run()),
            ("protocol", 0.30, scope => new ProtocolPart(scope, _backend, sizes, _options).Run()),
            ("long", 0.10, scope => new LongPart(scope, _backend, sizes, _options).Run()),
            ("profile", 0.20, scope => new ProfilePart(scope, _backend, sizes).Run()),
            ("formats", 0.10, scope => new FormatsPart(scope, _backend, sizes).Run()),
            ("prompts", 0.20, scope => new PromptPart(scope, _backend, sizes, _options).Run()),
            ("kernels at the end", 0.05, scope => KernelPart.Run(scope, _backend)),
        ];
        foreach ((string name, double share, Action<PartScope> run) in parts)
        {
            double left = _options.BudgetSeconds - Seconds;
            if (left < LeastShare * _options.BudgetSeconds)
            {
                _log.Skip(name, $"the budget of {_options.BudgetSeconds:0} s was used up");
                continue;
            }

            PartScope scope = new(name, _log, Math.Min(left, share * _options.BudgetSeconds));
            scope.Guard(name, () => run(scope));
            _log.Finish(name, Seconds);
        }

        _log.End(Seconds);
        ResultTable.Write(_options.Out);
        return _log.Holds;
    }

    private double Seconds => Stopwatch.GetElapsedTime(_start).TotalSeconds;
}
