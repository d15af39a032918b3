using System.CommandLine;
using MoA.Benchmarks.Roofline;

RootCommand root = new("Measures the engine's kernels against the limits of this machine.") { new RooflineCommand() };
return root.Parse(args).Invoke();
