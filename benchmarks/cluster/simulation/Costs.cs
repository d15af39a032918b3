using System.Text.Json;
using MoA.Cluster.Simulation.Serving;
using MoA.Engine.Configuration;
using MoA.Engine.Models;

namespace MoA.Cluster.Simulation;

/// <summary>The measured costs of costs.json, each with its source there.</summary>
internal sealed class Costs
{
    private readonly JsonElement _root;
    private readonly string _path;

    private Costs(JsonElement root, string path) => (_root, _path) = (root, path);

    /// <summary>The shape of the model that was measured.</summary>
    public ModelConfig Model => ModelShape.Parse(Of("model").GetString()!);

    /// <summary>What a member's work takes.</summary>
    public MemberCosts Member => new(
        Number("promptTokenSeconds"), Number("promptSeenSeconds"), Numbers("streams"), Numbers("stepSeconds"), Number("stepSeenSeconds"), Number("longestStep"));

    /// <summary>Reads a file, by default the one beside the program.</summary>
    public static Costs Read(string? path = null)
    {
        path ??= Path.Combine(AppContext.BaseDirectory, "costs.json");
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return new Costs(document.RootElement.Clone(), path);
        }
        catch (Exception failure) when (failure is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"{path}: {failure.Message}", failure);
        }
    }

    /// <summary>A number by its name.</summary>
    public double Number(string name) => Of(name).ValueKind == JsonValueKind.Number && Of(name).GetDouble() is >= 0 and double number
        ? number
        : throw new ArgumentException($"{_path}: {name}: expected a number of at least 0");

    private double[] Numbers(string name) => Of(name).ValueKind == JsonValueKind.Array
        ? [.. Of(name).EnumerateArray().Select(item => item.GetDouble())]
        : throw new ArgumentException($"{_path}: {name}: expected numbers");

    private JsonElement Of(string name) =>
        _root.ValueKind == JsonValueKind.Object && _root.TryGetProperty(name, out JsonElement cost) && cost.TryGetProperty("value", out JsonElement value)
            && cost.TryGetProperty("source", out _)
            ? value
            : throw new ArgumentException($"{_path}: expected {name} with its value and source");
}
