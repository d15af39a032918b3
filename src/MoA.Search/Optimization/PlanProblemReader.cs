using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Numerics;

namespace MoA.Search.Optimization;

/// <summary>Reads a problem whose losses and densities are given as files.</summary>
internal static class PlanProblemReader
{
    public static PlanProblem Read(string folder)
    {
        string settingsPath = Path.Combine(folder, "instance.json");
        string tensorsPath = Path.Combine(folder, "instance.safetensors");
        string settings = InputFile.ReadText(settingsPath, "expected instance.json and instance.safetensors");
        using SafetensorsFile tensors = SafetensorsFile.Open(tensorsPath);
        try
        {
            using JsonDocument document = JsonDocument.Parse(settings);
            return Build(document.RootElement, settingsPath, tensors, tensorsPath);
        }
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidOperationException)
        {
            throw new InvalidInputException($"{settingsPath}: not a plan problem ({exception.Message})", exception);
        }
    }

    private static PlanProblem Build(
        JsonElement settings, string settingsPath, SafetensorsFile tensors, string tensorsPath)
    {
        int layers = Member(settings, "layers", settingsPath).GetInt32();
        int heads = Member(settings, "heads", settingsPath).GetInt32();
        int[] profileLengths = Numbers(settings, "profile_lengths", settingsPath, item => item.GetInt32());
        int[] constraintLengths = Numbers(settings, "constraint_lengths", settingsPath, item => item.GetInt32());
        double[] bounds = Numbers(settings, "density_bounds", settingsPath, item => item.GetDouble());
        ElasticRule[] rules = Numbers(settings, "rules", settingsPath, ReadRule);
        if (bounds.Length != constraintLengths.Length)
        {
            throw new InvalidInputException(
                $"{settingsPath}: {bounds.Length} density_bounds; expected one for each of the "
                + $"{constraintLengths.Length} constraint_lengths.");
        }

        if (layers <= 0 || heads <= 0 || rules.Length == 0)
        {
            throw new InvalidInputException(
                $"{settingsPath}: {layers} layers, {heads} heads, {rules.Length} rules; expected at least one of each.");
        }

        long choices = (long)layers * heads;
        double[] losses = Tensor(tensors, "accuracy_loss", [profileLengths.Length, choices, rules.Length], tensorsPath);
        double[] densities = Tensor(tensors, "kv_density", [constraintLengths.Length, rules.Length], tensorsPath);
        return new PlanProblem(
            layers,
            heads,
            rules,
            [.. profileLengths.Select((length, index) =>
                new PlanObjective(length, Row(losses, index, profileLengths.Length)))],
            [.. constraintLengths.Select((length, index) =>
                new DensityConstraint(length, bounds[index], Row(densities, index, bounds.Length)))])
        {
            // 0 asks for no floor.
            DensityFloor = settings.TryGetProperty("lower_ratio", out JsonElement floor)
                && floor.ValueKind != JsonValueKind.Null && floor.GetDouble() is not 0 and double share ? share : null,
        };
    }

    private static JsonElement Member(JsonElement settings, string name, string path)
    {
        if (settings.ValueKind != JsonValueKind.Object || !settings.TryGetProperty(name, out JsonElement value))
            throw new InvalidInputException($"{path}: \"{name}\" is missing.");
        return value;
    }

    private static T[] Numbers<T>(JsonElement settings, string name, string path, Func<JsonElement, T> read)
    {
        JsonElement list = Member(settings, name, path);
        if (list.ValueKind != JsonValueKind.Array)
            throw new InvalidInputException($"{path}: \"{name}\" is {list.ValueKind}; expected a list.");
        return [.. list.EnumerateArray().Select(read)];
    }

    private static ElasticRule ReadRule(JsonElement pair)
    {
        if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2)
            throw new FormatException("a rule is [alpha, beta]");
        return new ElasticRule(pair[0].GetDouble(), pair[1].GetDouble());
    }

    private static double[] Tensor(
        SafetensorsFile tensors, string name, long[] shape, string path)
    {
        string expected = string.Join("×", shape);
        if (!tensors.Contains(name) || tensors[name].DType != "F32")
            throw new InvalidInputException($"{path}: no F32 tensor \"{name}\"; expected one of {expected}.");
        if (!tensors[name].Shape.AsSpan().SequenceEqual(shape))
        {
            throw new InvalidInputException(
                $"{path}: tensor \"{name}\" is {string.Join("×", tensors[name].Shape)}; instance.json asks for {expected}.");
        }

        double[] values = [.. tensors.ReadFloats(name).Select(value => (double)value)];
        int bad = Array.FindIndex(values, value => !double.IsFinite(value));
        if (bad >= 0)
        {
            throw new InvalidInputException(
                $"{path}: tensor \"{name}\" has {values[bad]} at entry {bad}; expected finite numbers.");
        }

        return values;
    }

    private static double[] Row(double[] values, int row, int rows) =>
        values.AsSpan(row * (values.Length / rows), values.Length / rows).ToArray();
}
