using System.Reflection;

namespace MoA.Engine.Tokenization;

/// <summary>Chat templates of models that were published without one, by name, and which of them a model's name calls for.</summary>
internal static class NamedChatTemplates
{
    private const string ResourcePrefix = "Templates.";

    // The first whose words a model's name has all; words stand between hyphens.
    private static readonly (string Template, string[] Words)[] Models =
    [
        ("vicuna", ["vicuna"]),
        ("vicuna", ["longchat"]),
        ("zephyr", ["zephyr"]),
        ("tulu", ["tulu"]),
        ("alpaca", ["alpaca"]),
        ("chatml", ["chatml"]),
        ("chatml", ["-orca-2-"]),
        ("chatml", ["openhermes"]),
        ("chatml", ["dolphin"]),
        ("chatml", ["-qwen", "-chat-"]),
        ("chatml", ["-qwen", "-instruct-"]),
        ("chatml", ["-yi-", "-chat-"]),
        ("llama-2", ["-llama-2-", "-chat-"]),
        ("llama-2", ["-llama2-", "-chat-"]),
        ("llama-3", ["-llama-3-", "-instruct-"]),
        ("llama-3", ["-llama3-", "-instruct-"]),
        ("mistral", ["-mistral-", "-instruct-"]),
        ("mistral", ["-mixtral-", "-instruct-"]),
        ("gemma", ["-gemma-", "-it-"]),
        ("phi-3", ["-phi-3-", "-instruct-"]),
        ("deepseek", ["-deepseek-", "-chat-"]),
    ];

    /// <summary>The names, in order.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "alpaca", "chatml", "deepseek", "gemma", "llama-2", "llama-3", "mistral", "phi-3", "tulu", "vicuna", "zephyr",
    ];

    /// <summary>The template of a name as it is written, or null if there is none.</summary>
    public static string? Find(string name)
    {
        if (!Names.Contains(name))
            return null;
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{ResourcePrefix}{name}.jinja")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The name of the template that a model of some name was trained with; null where the name does not say.</summary>
    public static string? Suggest(string model)
    {
        ArgumentNullException.ThrowIfNull(model);
        string words = $"-{string.Concat(model.Select(character => char.IsAsciiLetterOrDigit(character) ? char.ToLowerInvariant(character) : '-'))}-";
        return Models.FirstOrDefault(entry => entry.Words.All(word => words.Contains(word, StringComparison.Ordinal))).Template;
    }
}
