using System.Diagnostics;
using MoA.Engine;
using MoA.Gpu.Benchmarks.Parts;
using MoA.Gpu.Benchmarks.Report;

namespace MoA.Gpu.Benchmarks;

/// <summary>
/// One part of what is to be learnt on a card, within a budget of seconds. Each part is a process of its own: a fault on the device ends
/// the process's use of it, and a kernel that hangs can only be killed.
/// </summary>
internal sealed class CardRun(CardOptions options, string part)
{
    private static readonly (string Name, Action<PartScope, GpuBackend, CardSizes, CardOptions> Run)[] Parts =
    [
        (EqualityPart.Name, (scope, backend, sizes, options) => new EqualityPart(scope, backend, sizes, options).Run()),
        ("limits", (scope, backend, sizes, _) => new LimitsPart(scope, backend, sizes).Run()),
        ("protocol", (scope, backend, sizes, options) => new ProtocolPart(scope, backend, sizes, options).Run()),
        ("long", (scope, backend, sizes, options) => new LongPart(scope, backend, sizes, options).Run()),
        ("profile", (scope, backend, sizes, _) => new ProfilePart(scope, backend, sizes).Run()),
        ("formats", (scope, backend, sizes, _) => new FormatsPart(scope, backend, sizes).Run()),
        ("prompts", (scope, backend, sizes, options) => new PromptPart(scope, backend, sizes, options).Run()),
    ];

    /// <summary>Runs it, and then asks for the registers of what it ran.</summary>
    /// <returns>Whether everything that was compared is equal, and nothing that was to be compared was left out.</returns>
    /// <exception cref="InvalidInputException">There is no such part or device.</exception>
    public bool Run()
    {
        var run = Array.Find(Parts, known => known.Name == part).Run
            ?? throw new InvalidInputException($"--part {part}: expected {string.Join(", ", Parts.Select(known => known.Name))}");
        long start = Stopwatch.GetTimestamp();
        ResultLog log = new(options.Out, part, options.Device);
        GpuBackend backend;
        try
        {
            backend = GpuBackend.Open(options.Device);
        }
        catch (InvalidInputException failure)
        {
            log.Skip(part, failure.Message);
            throw;
        }

        using (backend)
        {
            log.Describe(backend.Session.Device, backend.Description, options.BudgetSeconds);
            PartScope scope = new(part, log, options.BudgetSeconds);
            scope.Guard(part, () => run(scope, backend, options.IsEmulated ? CardSizes.Tiny : CardSizes.Card, options));
            PartScope last = new(KernelPart.Name, log, Math.Max(scope.Left, KernelPart.LeastSeconds));
            if (!options.IsEmulated || part == EqualityPart.Name)
                last.Guard(KernelPart.Name, () => KernelPart.Run(last, backend));
            log.End(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return log.Holds;
    }
}
