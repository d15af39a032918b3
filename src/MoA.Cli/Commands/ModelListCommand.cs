using System.Globalization;
using MoA.Cli.Output;
using MoA.Engine.Hub;

namespace MoA.Cli.Commands;

/// <summary><c>moa model list</c>: what the Hugging Face cache holds.</summary>
internal sealed class ModelListCommand : CliCommand
{
    public ModelListCommand(Streams streams)
        : base("list", "Lists the models in the Hugging Face cache, by the names that --model takes.", streams) => Examples =
        [
            "moa model list",
            "moa model list --json",
        ];

    protected override void Run(CommandContext context)
    {
        HubCache cache = new(HubSettings.CacheFolderOfEnvironment());
        (string Name, CachedSnapshot Snapshot)[] models = [.. cache.List().SelectMany(model => model.Snapshots.Select(snapshot => (NameOf(model, snapshot), snapshot)))];
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteString("folder", cache.Folder);
                writer.WriteObjects("models", models, static (writer, model) =>
                {
                    writer.WriteString("name", model.Name);
                    writer.WriteString("commit", model.Snapshot.Commit);
                    writer.WriteNumber("files", model.Snapshot.Files);
                    writer.WriteNumber("bytes", model.Snapshot.Bytes);
                    writer.WriteBoolean("weightsAsFolder", model.Snapshot.IsFolderModel);
                    writer.WriteStartArray("gguf");
                    foreach (string file in model.Snapshot.GgufFiles)
                        writer.WriteStringValue(file);
                    writer.WriteEndArray();
                });
            });
            return;
        }

        if (models.Length == 0)
            context.Note($"moa: {cache.Folder} holds no models; 'moa model pull org/name' brings one");
        foreach ((string name, CachedSnapshot snapshot) in models)
        {
            string kind = snapshot.IsFolderModel ? "" : snapshot.GgufFiles.Count > 0 ? $", GGUF: {string.Join(", ", snapshot.GgufFiles)}" : ", without weights";
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}  {snapshot.Bytes / 1048576.0:N1} MiB in {snapshot.Files} files{kind}"));
        }
    }

    // As --model takes it: main goes without saying, and what no branch points to is named by its commit.
    private static string NameOf(CachedModel model, CachedSnapshot snapshot) => snapshot.Revisions.Contains(HubName.DefaultRevision)
        ? model.Repository
        : $"{model.Repository}@{(snapshot.Revisions.Count > 0 ? snapshot.Revisions[0] : snapshot.Commit[..12])}";
}
