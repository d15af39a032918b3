using System.Globalization;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Files;

namespace MoA.Search.Profiling;

/// <summary>
/// Reads and writes <c>influence-N.safetensors</c> (docs/formats.md): the F32 tensor <c>influence</c>
/// [layers, queryHeads, N/b, N/b], and in the metadata model, length, blockSize, items and meanLoss, planDensity where the influence was taken
/// under a plan, and scorer where it was summed in the order of scores; files that profiling wrote also say the fingerprint of the work they come from.
/// </summary>
internal static class InfluenceFile
{
    internal const string FingerprintKey = "fingerprint";

    private const string TensorName = "influence";
    private const string PlanDensityKey = "planDensity";
    private const string ScorerKey = "scorer";

    /// <summary>The path of the file for one length.</summary>
    public static string PathFor(string folder, int length) =>
        Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"influence-{length}.safetensors"));

    /// <summary>Reads and checks a file.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read or is not an influence profile.</exception>
    public static InfluenceProfile Read(string path) => Read(path, out _);

    /// <summary>Writes a file, replacing what was there.</summary>
    /// <exception cref="InvalidInputException">The file cannot be written.</exception>
    public static void Write(string path, InfluenceProfile profile) => Write(path, profile, null);

    internal static void Write(string path, InfluenceProfile profile, string? fingerprint)
    {
        ArgumentNullException.ThrowIfNull(profile);
        Dictionary<string, string> metadata = new()
        {
            ["model"] = profile.Model,
            ["length"] = profile.Length.ToString(CultureInfo.InvariantCulture),
            ["blockSize"] = profile.Block.ToString(CultureInfo.InvariantCulture),
            ["items"] = profile.Items.ToString(CultureInfo.InvariantCulture),
            ["meanLoss"] = profile.MeanLoss.ToString("R", CultureInfo.InvariantCulture),
        };
        if (profile.PlanDensity is double density)
            metadata[PlanDensityKey] = density.ToString("R", CultureInfo.InvariantCulture);
        if (profile.Scorer is not null)
            metadata[ScorerKey] = profile.Scorer;
        if (fingerprint is not null)
            metadata[FingerprintKey] = fingerprint;
        long[] shape = [profile.Layers, profile.QueryHeads, profile.Blocks, profile.Blocks];
        SafetensorsWriter.Write(path, metadata, [(TensorName, shape, profile.Values)]);
    }

    internal static InfluenceProfile Read(string path, out string? fingerprint)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        fingerprint = file.Metadata.GetValueOrDefault(FingerprintKey);
        int length = Integer(file, "length");
        int blockSize = Integer(file, "blockSize");
        if (!ElasticRule.Blocks.Contains(blockSize) || length % ElasticRule.BlockSize != 0)
        {
            throw new InvalidInputException(
                $"{path}: length {length} in blocks of {blockSize}; expected a multiple of {ElasticRule.BlockSize} in "
                + $"blocks of {string.Join(", ", ElasticRule.Blocks)}");
        }

        SafetensorsEntry entry = file[TensorName];
        long blocks = length / blockSize;
        if (entry.DType != "F32" || entry.Shape is not [>= 1 and <= int.MaxValue, >= 1 and <= int.MaxValue, _, _]
            || entry.Shape[2] != blocks || entry.Shape[3] != blocks)
        {
            throw new InvalidInputException(
                $"{path}: tensor {TensorName} is {entry.DType} [{string.Join(", ", entry.Shape)}]; expected F32 "
                + $"[layers, queryHeads, {blocks}, {blocks}] for length {length}");
        }

        if (file.Metadata.GetValueOrDefault(ScorerKey) is string scorer)
            ContentPlanReader.Check(scorer, $"{path}: {ScorerKey} \"{InputFile.Cut(scorer)}\" in the metadata");
        return new InfluenceProfile
        {
            Model = Text(file, "model"),
            Length = length,
            Layers = (int)entry.Shape[0],
            QueryHeads = (int)entry.Shape[1],
            Block = blockSize,
            Items = Integer(file, "items"),
            MeanLoss = Number(file, "meanLoss"),
            Scorer = file.Metadata.GetValueOrDefault(ScorerKey),
            PlanDensity = file.Metadata.ContainsKey(PlanDensityKey) ? Number(file, PlanDensityKey) : null,
            Values = Values(file),
        };
    }

    private static float[] Values(SafetensorsFile file)
    {
        float[] values = file.ReadFloats(TensorName);
        int wrong = Array.FindIndex(values, value => !float.IsFinite(value) || value < 0);
        return wrong < 0
            ? values
            : throw new InvalidInputException(
                $"{file.Path}: element {wrong} of tensor {TensorName} is {values[wrong]}; expected finite numbers of at "
                + "least 0: profile again");
    }

    private static double Number(SafetensorsFile file, string key)
    {
        string text = Text(file, key);
        return NumberText.TryDecimal(text, out double number)
            ? number
            : throw Wrong(file, key, text, "a finite number");
    }

    private static int Integer(SafetensorsFile file, string key)
    {
        string text = Text(file, key);
        return NumberText.TryWhole(text, out int value) && value >= 1
            ? value
            : throw Wrong(file, key, text, "a whole number of at least 1");
    }

    private static string Text(SafetensorsFile file, string key) => file.Metadata.TryGetValue(key, out string? text)
        ? text
        : throw new InvalidInputException(
            $"{file.Path}: the metadata has no {key}; expected an influence profile as profiling writes it");

    private static InvalidInputException Wrong(SafetensorsFile file, string key, string text, string expected) =>
        InputFile.Error(file.Path, $"{key} in the metadata is \"{InputFile.Cut(text)}\"; expected {expected}");
}
