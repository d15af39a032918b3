using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;

namespace MoA.Cli.Commands;

/// <summary><c>moa plan show</c>: spans and densities of a plan.</summary>
internal sealed class PlanShowCommand : CliCommand
{
    private readonly Argument<string> _plan = new("plan") { Description = "Plan file" };

    private readonly Option<string?> _lengths = new("--lengths")
    {
        Description = "Lengths in tokens (default: those of the plan's search, else 2048,4096,8192,16384)",
        HelpName = "N,N,…",
    };

    private readonly Option<int?> _keyValueHeads = new("--kv-heads")
    {
        Description = "KV heads of the model's layers, for a plan with a rule per query head that does not say (default: as many as rules)",
        HelpName = "G",
    };

    public PlanShowCommand(Streams streams)
        : base("show", "Shows the rows that each head keeps, and the density, at any length.", streams)
    {
        Examples = ["moa plan show moa-out/plan.json", "moa plan show theirs.json --kv-heads 8 --lengths 4096,32768 --json"];
        Arguments.Add(_plan);
        Options.Add(_lengths);
        Options.Add(_keyValueHeads);
    }

    protected override void Run(CommandContext context)
    {
        string file = context.Get(_plan)!;
        PlanDocument document = PlanFile.Load(file);
        AttentionPlan plan = document.Plan;
        int keyValueHeads = context.Get(_keyValueHeads) ?? document.Model?.KeyValueHeads ?? plan.HeadsPerLayer;
        if (keyValueHeads < 1 || plan.HeadsPerLayer % keyValueHeads != 0)
        {
            throw new InvalidInputException(
                $"--kv-heads {keyValueHeads}: expected a divisor of the plan's {plan.HeadsPerLayer} heads a layer");
        }

        int[] lengths = context.Get(_lengths) is string text
            ? Lists.Lengths("--lengths", text)
            : document.Search is { Lengths.Count: > 0 } search
                ? [.. search.Lengths.Select(entry => entry.Length)]
                : [2048, 4096, 8192, 16384];
        if (context.Json)
            WriteJson(context, document, lengths, keyValueHeads);
        else
            WriteText(context, document, lengths, keyValueHeads);
    }

    private static double NominalDensity(AttentionPlan plan, int length) => Enumerable.Range(0, plan.Layers)
        .SelectMany(layer => Enumerable.Range(0, plan.HeadsPerLayer).Select(head => plan[layer, head].Density(length)))
        .Average();

    private static void WriteText(CommandContext context, PlanDocument document, int[] lengths, int keyValueHeads)
    {
        AttentionPlan plan = document.Plan;
        string kind = plan.HeadKind == HeadKind.Query ? "query" : "KV";
        context.Output.WriteLine(
            $"{document.Model?.Name ?? "plan"}: {plan.Layers} layers, a rule for each of {plan.HeadsPerLayer} {kind} heads");
        foreach (int length in lengths)
        {
            string nominal = plan.HeadsPerLayer == keyValueHeads
                ? ""
                : string.Create(CultureInfo.InvariantCulture, $" (mean over query heads {NominalDensity(plan, length):F4})");
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"\nN = {length}: stored density {plan.StoredDensity(keyValueHeads, length):F4}{nominal}; rows kept by each head"));
            for (int layer = 0; layer < plan.Layers; layer++)
            {
                string rows = string.Concat(Rows(plan, layer, length).Select(count => $"{count,6}"));
                context.Output.WriteLine($"  layer {layer,2} {rows}");
            }
        }
    }

    private static void WriteJson(CommandContext context, PlanDocument document, int[] lengths, int keyValueHeads) =>
        context.WriteJson(writer =>
        {
            AttentionPlan plan = document.Plan;
            writer.WriteNumber("layers", plan.Layers);
            writer.WriteNumber("headsPerLayer", plan.HeadsPerLayer);
            writer.WriteNumber("keyValueHeads", keyValueHeads);
            writer.WriteString("headKind", plan.HeadKind == HeadKind.Query ? "query" : "keyValue");
            writer.WriteObjects("lengths", lengths, (writer, length) =>
            {
                writer.WriteNumber("length", length);
                writer.WriteNumber("storedDensity", plan.StoredDensity(keyValueHeads, length));
                writer.WriteNumber("nominalDensity", NominalDensity(plan, length));
                writer.WriteStartArray("rows");
                for (int layer = 0; layer < plan.Layers; layer++)
                    writer.WriteNumberValues(Rows(plan, layer, length));
                writer.WriteEndArray();
            });
        });

    private static IEnumerable<int> Rows(AttentionPlan plan, int layer, int length) =>
        Enumerable.Range(0, plan.HeadsPerLayer).Select(head => plan[layer, head].Rows(length));
}
