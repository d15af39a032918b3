using System.Text.Json.Nodes;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Tests;

namespace MoA.Evaluation.Tests;

/// <summary>The small trained model without its chat template, as base models come, and a folder that is deleted with it.</summary>
public sealed class BaseModel : IDisposable
{
    private readonly ComputeBackend _backend = ComputeBackend.CreateCpu(2);
    private readonly string _folder = Directory.CreateTempSubdirectory("moa-base-").FullName;

    public BaseModel()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, "base")).FullName;
        foreach (string file in Directory.EnumerateFiles(RepositoryFiles.DemoModel))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        string configuration = Path.Combine(folder, "tokenizer_config.json");
        JsonObject settings = JsonNode.Parse(File.ReadAllText(configuration))!.AsObject();
        Assert.True(settings.Remove("chat_template"));
        File.WriteAllText(configuration, settings.ToJsonString());
        Model = LanguageModel.Load(folder, _backend);
    }

    public LanguageModel Model { get; }

    /// <summary>A path in the folder, with nothing there.</summary>
    public string NewPath() => Path.Combine(_folder, Guid.NewGuid().ToString());

    public void Dispose()
    {
        Model.Dispose();
        _backend.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
