using System.Security.Cryptography;
using MoA.Engine.Generation;

namespace MoA.Search;

/// <summary>Tells models apart without reading all their weights.</summary>
public static class ModelFingerprint
{
    private const int SampleBytes = 1 << 16;

    // Results may be written beside the model; only what makes the model counts.
    private static readonly HashSet<string> ModelFiles =
    [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "chat_template.jinja", "model.safetensors.index.json",
    ];

    /// <summary>
    /// A hash over the model's configuration and tokenizer files, and over the size, the first and the last 64 KiB of
    /// each weight file.
    /// </summary>
    public static string Of(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] sample = new byte[SampleBytes];
        foreach (string file in Directory.EnumerateFiles(model.Path).Order(StringComparer.Ordinal))
        {
            string name = System.IO.Path.GetFileName(file);
            if (!ModelFiles.Contains(name) && !IsWeights(name))
                continue;
            using FileStream stream = File.OpenRead(file);
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(name));
            hash.AppendData(BitConverter.GetBytes(stream.Length));
            if (System.IO.Path.GetExtension(file) != ".safetensors")
            {
                hash.AppendData(File.ReadAllBytes(file));
                continue;
            }

            hash.AppendData(sample, 0, stream.ReadAtLeast(sample, SampleBytes, throwOnEndOfStream: false));
            stream.Position = Math.Max(0, stream.Length - SampleBytes);
            hash.AppendData(sample, 0, stream.ReadAtLeast(sample, SampleBytes, throwOnEndOfStream: false));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 12));
    }

    private static bool IsWeights(string name) =>
        name.EndsWith(".safetensors", StringComparison.Ordinal) && !name.StartsWith("influence-", StringComparison.Ordinal);
}
