using System.CommandLine;
using System.CommandLine.Completions;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Configuration;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Evaluation.Estimates;
using MoA.Search;

namespace MoA.Cli.Commands;

/// <summary><c>moa model random</c>: a GGUF file of a real model's shape with random weights.</summary>
internal sealed class ModelRandomCommand : CliCommand
{
    private readonly Option<string> _shape = new("--shape")
    {
        Description = $"{string.Join(", ", ModelShape.Names)}, sizes that differ after a name, or sizes of a Llama by hand: hidden, layers, heads " +
            "(required), kv-heads, head-size, intermediate, vocabulary, context, tied; after names of models that have them also window, experts, experts-used, expert-width",
        HelpName = "NAME|key=value,…",
        CompletionSources = { _ => ModelShape.Names.Select(name => new CompletionItem(name)) },
        Required = true,
    };

    private readonly Option<string> _out = GgufOutput.CreateOption();

    private readonly Option<string> _weights = new("--weights")
    {
        Description = $"Format of the matrices: {GgufOutput.TypeNames}",
        HelpName = "TYPE",
        CompletionSources = { _ => GgufOutput.TypeChoices },
        DefaultValueFactory = _ => "q8_0",
    };

    public ModelRandomCommand(Streams streams)
        : base("random", "Writes a model of a given shape with random weights, to measure speed and memory without a download.", streams)
    {
        Examples =
        [
            "moa model random --shape llama-3.2-1b --weights q8_0 --out llama-3.2-1b-random.gguf",
            "moa model random --shape hidden=1024,layers=16,heads=16,intermediate=2816 --weights q4_0 --out small.gguf --seed 7",
        ];
        Options.Add(_shape);
        Options.Add(_weights);
        Options.Add(_out);
        Options.Add(DryRun.Option);
    }

    protected override void Run(CommandContext context)
    {
        string shape = context.Get(_shape)!;
        ModelConfig config = ModelShape.Parse(shape);
        ElementType weights = GgufOutput.ReadType(context.Get(_weights))!.Value;
        string name = $"{shape.Split(',')[0].Replace('-', ' ')} (random)"; // llama.cpp expects tokens of its own in a file named phi-3
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, ConversionEstimate.Of(RandomModel.Plan(
                context.Get(_out)!, config, weights, name, GlobalOptions.ReadThreads(context) ?? 0, context.Cancellation)));
            return;
        }

        ConversionResult result = context.WithProgress(report => RandomModel.Write(
            context.Get(_out)!,
            config,
            weights,
            name,
            context.Get(GlobalOptions.Seed) ?? 0,
            GlobalOptions.ReadThreads(context) ?? 0,
            progress => report(new StepProgress("random", progress.Tensor, progress.Done, progress.Total, 0)),
            context.Cancellation));
        GgufOutput.Report(context, result);
    }
}
