using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;

namespace MoA.Cli.Commands;

/// <summary><c>moa plan convert</c>: between this program's plans and the research code's.</summary>
internal sealed class PlanConvertCommand : CliCommand
{
    private readonly Argument<string> _source = new("source") { Description = "Plan to read, of either format" };

    private readonly Argument<string> _target = new("target") { Description = "File to write" };

    private readonly Option<string> _to = new("--to")
    {
        Description = "moa: moa-plan/1; research: alphas and betas only, as thu-nics/MoA writes them",
        HelpName = "moa|research",
        CompletionSources = { "moa", "research" },
        DefaultValueFactory = _ => "moa",
    };

    public PlanConvertCommand(Streams streams)
        : base("convert", "Converts a plan between this program's format and the research code's.", streams)
    {
        Examples =
        [
            "moa plan convert theirs.json plan.json",
            "moa plan convert plan.json theirs.json --to research",
        ];
        Arguments.Add(_source);
        Arguments.Add(_target);
        Options.Add(_to);
    }

    protected override void Run(CommandContext context)
    {
        PlanDocument document = PlanFile.Load(context.Get(_source)!);
        string target = context.Get(_target)!;
        switch (context.Get(_to))
        {
            case "moa":
                PlanFile.Save(target, document);
                break;
            case "research":
                if (document.Scorer is not null)
                    throw new InvalidInputException($"{context.Get(_source)}: its heads choose rows by {document.Scorer}, which the research code's format cannot say; use --to moa");
                PlanFile.SaveResearch(target, document.Plan);
                break;
            default:
                throw new InvalidInputException($"--to {context.Get(_to)}: expected moa or research");
        }

        if (context.Json)
        {
            context.WriteJson(writer => writer.WriteString("file", target));
        }

        context.Note($"moa: wrote {target}");
    }
}
