using System.Security.Cryptography;
using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;

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
    /// each weight file; of a GGUF file, over the size, the header and the last 64 KiB; and over the formats that the weights
    /// are used in.
    /// </summary>
    public static string Of(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string file, long head) in FilesOf(model.Path))
        {
            using FileStream stream = File.OpenRead(file);
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(System.IO.Path.GetFileName(file)));
            hash.AppendData(BitConverter.GetBytes(stream.Length));
            Append(hash, stream, head);
            if (head >= stream.Length)
                continue;
            stream.Position = Math.Max(0, stream.Length - SampleBytes);
            Append(hash, stream, SampleBytes);
        }

        // Weights may have been converted on loading.
        string formats = string.Join(',', model.Loaded.Weights.All.Select(weight => weight.Type.Name()));
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(formats));
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 12));
    }

    // Each file with the number of bytes at its start that count.
    private static (string File, long Head)[] FilesOf(string path)
    {
        if (ModelPath.FindGguf(path) is string gguf)
        {
            using GgufCheckpoint parts = GgufCheckpoint.Open(gguf);
            return [.. parts.Files.Select(part => (part.Path, part.HeaderBytes))];
        }

        return
        [
            .. from file in Directory.EnumerateFiles(path).Order(StringComparer.Ordinal)
               let name = System.IO.Path.GetFileName(file)
               where ModelFiles.Contains(name) || IsWeights(name)
               select (file, IsWeights(name) ? SampleBytes : long.MaxValue),
        ];
    }

    private static void Append(IncrementalHash hash, FileStream stream, long bytes)
    {
        byte[] piece = new byte[SampleBytes];
        for (int read; bytes > 0 && (read = stream.Read(piece, 0, (int)Math.Min(bytes, SampleBytes))) > 0; bytes -= read)
            hash.AppendData(piece, 0, read);
    }

    private static bool IsWeights(string name) =>
        name.EndsWith(".safetensors", StringComparison.Ordinal) && !name.StartsWith("influence-", StringComparison.Ordinal);
}
