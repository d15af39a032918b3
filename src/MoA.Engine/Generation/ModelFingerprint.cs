using System.Security.Cryptography;
using System.Text;
using MoA.Engine.Files;

namespace MoA.Engine.Generation;

/// <summary>Tells models apart, whatever they are called and wherever they lie.</summary>
internal static class ModelFingerprint
{
    // Results may be written beside the model; only what makes the model counts.
    private static readonly string[] ModelFiles =
    [
        "added_tokens.json", "chat_template.jinja", "config.json", "generation_config.json", "special_tokens_map.json", "tokenizer.json",
        "tokenizer.model", "tokenizer_config.json",
    ];

    /// <summary>
    /// A hash over the configuration and tokenizer, over every byte of the weights, which were hashed on loading, and over the
    /// formats that they are used in.
    /// </summary>
    /// <exception cref="InvalidInputException">A file cannot be read any more.</exception>
    public static string Of(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(model.Loaded.Weights.Fingerprint));
        if (ModelPath.FindGguf(model.Path) is string gguf)
        {
            using GgufCheckpoint checkpoint = GgufCheckpoint.Open(gguf);
            hash.AppendData(checkpoint.Files[0].Header);
        }
        else
        {
            foreach (string name in ModelFiles.Where(name => File.Exists(Path.Combine(model.Path, name))))
            {
                byte[] content = InputFile.ReadBytes(Path.Combine(model.Path, name));
                hash.AppendData(Encoding.UTF8.GetBytes($"{name} {content.Length}\n"));
                hash.AppendData(content);
            }
        }

        if (model.ChatTemplate is { Choice: not null } template)
            hash.AppendData(Encoding.UTF8.GetBytes($"chat template {template.Source}"));
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 12));
    }
}
