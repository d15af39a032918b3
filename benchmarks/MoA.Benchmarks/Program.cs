using System.CommandLine;
using MoA.Benchmarks.Ablation;
using MoA.Benchmarks.Climbing;
using MoA.Benchmarks.Masks;
using MoA.Benchmarks.PlanSearch;
using MoA.Benchmarks.Profiling;
using MoA.Benchmarks.Roofline;
using MoA.Benchmarks.Sampling;
using MoA.Benchmarks.SparsePrefill;

RootCommand root = new("Measures the engine's kernels against the limits of this machine, profiling, sampling, masks, sparse prefill, the plan search, and its predictions.")
{
    new AblationCommand(),
    new ClimbCommand(),
    new MaskCommand(),
    new RooflineCommand(),
    new ProfileCommand(),
    new SamplingCommand(),
    new SearchCommand(),
    new SparsePrefillCommand(),
};
ParseResult parsed = root.Parse(args);
int exitCode = parsed.Invoke();
return parsed.Errors.Count > 0 ? Program.BadArguments : exitCode;

/// <summary>The entry point.</summary>
internal sealed partial class Program
{
    /// <summary>Exit code for arguments that cannot be used.</summary>
    public const int BadArguments = 2;
}
