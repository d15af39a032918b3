using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Hub;
using MoA.Search;

namespace MoA.Cli.Commands;

/// <summary><c>moa model pull</c>: brings a model from the hub into the Hugging Face cache.</summary>
internal sealed class ModelPullCommand : CliCommand
{
    private readonly Argument<string> _name = new("name")
    {
        Description = "Model on the hub: org/name[@revision][:file.gguf]; in place of a file's name what tells it from the others, such as Q4_K_M",
        HelpName = "NAME",
    };

    private readonly Option<string[]> _include = new("--include")
    {
        Description = "Only files that match, as *.json or a folder/ (default: those that the model needs: configuration, tokenizer, and weights as safetensors, " +
            "else PyTorch's, else the one GGUF)",
        HelpName = "GLOB",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _revision = new("--revision")
    {
        Description = "Branch, tag or commit (default: main)",
        HelpName = "REVISION",
    };

    private readonly Option<bool> _dryRun = new("--dry-run")
    {
        Description = "Says which files would be fetched, how long they are and what of them is in the cache already, and writes nothing",
    };

    public ModelPullCommand(Streams streams)
        : base("pull", "Brings a model from the Hugging Face hub into its cache, where every command then finds it by name. What is there already is not " +
            "fetched again, and what was interrupted goes on. Reads HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH and HF_HUB_OFFLINE.", streams)
    {
        Examples =
        [
            "moa model pull meta-llama/Llama-3.2-1B-Instruct",
            "moa model pull bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M",
            "moa model pull bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M --dry-run",
            "moa model pull lmsys/vicuna-7b-v1.5-16k --include '*.json' tokenizer.model --json",
            "moa generate 'Once upon a time' --model meta-llama/Llama-3.2-1B-Instruct",
        ];
        KeepsFinishedWork = true;
        Arguments.Add(_name);
        Options.Add(_include);
        Options.Add(_revision);
        Options.Add(_dryRun);
    }

    protected override void Run(CommandContext context)
    {
        string text = context.Get(_name)!;
        HubName name = HubName.TryParse(text) ?? throw new InvalidInputException($"{text}: is no name on the hub; expected org/name[@revision][:file.gguf]");
        if (context.Get(_revision) is string revision)
            name = name.At(revision);
        ModelPull pull = new(HubSettings.FromEnvironment());
        string[] patterns = context.Get(_include) ?? [];
        bool isDry = context.Get(_dryRun);
        PulledModel model = context.WithProgress(report => (isDry
            ? pull.PlanAsync(name, patterns, progress => report(InMiB(progress)), context.Cancellation)
            : pull.RunAsync(name, patterns, progress => report(InMiB(progress)), context.Cancellation)).GetAwaiter().GetResult());
        if (context.Json)
            context.WriteJson(writer => WriteJson(writer, model, isDry));
        else
            WriteText(context.Output, model, isDry);
    }

    private static void WriteJson(Utf8JsonWriter writer, PulledModel model, bool isDry)
    {
        string fetched = isDry ? "missingBytes" : "fetchedBytes";
        if (isDry)
            writer.WriteBoolean("dryRun", true);
        writer.WriteString("name", model.Name.Repository);
        writer.WriteString("revision", model.Name.RevisionOrDefault);
        writer.WriteString("commit", model.Commit);
        writer.WriteString("folder", model.Folder);
        writer.WriteNumber("bytes", model.Bytes);
        writer.WriteNumber(fetched, model.FetchedBytes);
        writer.WriteObjects("files", model.Files, (writer, file) =>
        {
            writer.WriteString("name", file.Name);
            writer.WriteNumber("bytes", file.Bytes);
            writer.WriteNumber(fetched, file.FetchedBytes);
            writer.WriteString("hash", file.Hash);
        });
    }

    private static void WriteText(TextWriter output, PulledModel model, bool isDry)
    {
        output.WriteLine($"{model.Name}: {model.Files.Count} files, {MiB(model.Bytes)}, {(isDry ? "to fetch" : "fetched")} {MiB(model.FetchedBytes)}; commit {model.Commit[..12]}");
        foreach (PulledFile file in isDry ? model.Files : [])
            output.WriteLine($"  {file.Name}: {MiB(file.Bytes)}, {(file.FetchedBytes == 0 ? "in the cache" : file.FetchedBytes == file.Bytes ? "to fetch" : $"to fetch {MiB(file.FetchedBytes)} of it")}");
        output.WriteLine($"in {model.Folder}");
    }

    private static string MiB(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N1} MiB");

    // Rounded so that only all bytes are all MiB.
    private static StepProgress InMiB(PullProgress progress)
    {
        int total = (int)Math.Min(progress.TotalBytes / 1048576 + 1, int.MaxValue);
        bool isAll = progress.DoneBytes == progress.TotalBytes && progress.TotalBytes > 0;
        return new StepProgress("pull", progress.Item, isAll ? total : (int)Math.Min(progress.DoneBytes / 1048576, total - 1), total, 0, "MiB");
    }
}
