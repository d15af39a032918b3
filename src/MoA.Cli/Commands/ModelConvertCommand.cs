using System.CommandLine;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Evaluation.Estimates;
using MoA.Search;

namespace MoA.Cli.Commands;

/// <summary><c>moa model convert</c>: writes a model as a GGUF file.</summary>
internal sealed class ModelConvertCommand : CliCommand
{
    private readonly Option<string> _out = GgufOutput.CreateOption();

    private readonly Option<string?> _weights = new("--weights")
    {
        Description = $"Format of the matrices: {GgufOutput.TypeNames} (default: as stored)",
        HelpName = "TYPE",
        CompletionSources = { _ => GgufOutput.TypeChoices },
    };

    public ModelConvertCommand(Streams streams)
        : base("convert", "Writes a model with its tokenizer as a GGUF file, quantised if asked for.", streams)
    {
        Examples =
        [
            "moa model convert --model ./Llama-3.2-1B-Instruct --out llama-3.2-1b-q8_0.gguf --weights q8_0",
            "moa model convert --model llama-q8_0.gguf --out llama-q4_k.gguf --weights q4_k",
        ];
        Options.Add(ModelOptions.Model);
        Options.Add(_out);
        Options.Add(_weights);
        Options.Add(ModelOptions.ChatTemplate);
        Options.Add(DryRun.Option);
    }

    protected override void Run(CommandContext context)
    {
        ElementType? weights = GgufOutput.ReadType(context.Get(_weights));
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, ConversionEstimate.Of(GgufConverter.Plan(
                ModelOptions.ModelPath(context), context.Get(_out)!, weights, GlobalOptions.ReadThreads(context) ?? 0,
                context.Get(ModelOptions.ChatTemplate), context.Cancellation)));
            return;
        }

        ConversionResult result = context.WithProgress(report => GgufConverter.Convert(
            ModelOptions.ModelPath(context),
            context.Get(_out)!,
            weights,
            GlobalOptions.ReadThreads(context) ?? 0,
            context.Get(ModelOptions.ChatTemplate),
            progress => report(new StepProgress("convert", progress.Tensor, progress.Done, progress.Total, 0)),
            context.Cancellation));
        GgufOutput.Report(context, result);
    }
}
