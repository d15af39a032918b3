using System.Text;
using System.Text.RegularExpressions;
using MoA.Engine.Files;

namespace MoA.Engine.Hub;

/// <summary>Which files of a repository a model needs.</summary>
internal static class FileSelection
{
    private const int MostNamed = 6;

    // What the engine reads beside the weights, and what a tokenizer of another kind needs.
    private static readonly string[] Beside =
    [
        ModelPath.ConfigFile, "generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json", "additional_chat_templates/tool_use.jinja",
    ];

    /// <summary>
    /// The files to fetch first, and the index among them that names the rest, or null if these are all: those that match one of
    /// the patterns; else the GGUF model that is named; else the configuration, tokenizer and weights of a folder, of safetensors
    /// before PyTorch's; else the only GGUF model.
    /// </summary>
    /// <param name="name">What is asked for.</param>
    /// <param name="files">The repository's files.</param>
    /// <param name="patterns">Patterns of names, none to choose by what a model needs.</param>
    /// <exception cref="InvalidInputException">Nothing fits, or several models do; or a name cannot be a file's.</exception>
    public static (string[] Files, string? Index) Choose(HubName name, IReadOnlyList<string> files, IReadOnlyList<string> patterns)
    {
        (string[] chosen, string? index) = patterns.Count > 0 ? (Matching(name, files, patterns), null)
            : name.File is not null ? (GgufChoice.Choose(name, files), null)
            : OfFolder(files) ?? (GgufChoice.Choose(name, files), null);
        if (chosen.Length == 0)
            throw InputFile.Error(name.ToString(), $"holds no weights that are read; expected safetensors, PyTorch or GGUF files among {Shown(files)}");
        foreach (string file in chosen)
            CheckName(name, file);
        return (chosen, index);
    }

    /// <summary>The files that an index names, in order.</summary>
    /// <param name="name">What is asked for.</param>
    /// <param name="files">The repository's files.</param>
    /// <param name="index">The index's name.</param>
    /// <param name="content">What it holds.</param>
    /// <exception cref="InvalidInputException">It is malformed or names what is not there.</exception>
    public static string[] ReadIndex(HubName name, IReadOnlyList<string> files, string index, byte[] content)
    {
        string place = $"{name.Repository}/{index}";
        string[] shards = JsonField.Read(place, content, static root =>
            root["weight_map"].Fields().Select(entry => entry.Value.AsString()).Distinct().Order(StringComparer.Ordinal).ToArray());
        HashSet<string> there = [.. files];
        foreach (string shard in shards)
        {
            CheckName(name, shard);
            if (!there.Contains(shard))
                throw InputFile.Error(place, $"names {InputFile.Cut(shard)}, which the repository does not hold");
        }

        return shards;
    }

    private static void CheckName(HubName name, string file)
    {
        if (!HubFileName.IsSafe(file))
            throw InputFile.Error(name.ToString(), $"holds a file \"{InputFile.Cut(file)}\", which is no name for a file below a folder here; nothing was written");
    }

    private static (string[], string?)? OfFolder(IReadOnlyList<string> files)
    {
        HashSet<string> there = [.. files];
        if (!there.Contains(ModelPath.ConfigFile))
            return null;
        foreach ((string single, string index) in ModelPath.WeightFiles)
        {
            bool isSingle = there.Contains(single);
            if (isSingle || there.Contains(index))
                return ([.. Beside.Where(there.Contains), isSingle ? single : index], isSingle ? null : index);
        }

        return null;
    }

    // As huggingface_hub matches: * stands for slashes too, and a folder for all below it.
    private static string[] Matching(HubName name, IReadOnlyList<string> files, IReadOnlyList<string> patterns)
    {
        Regex[] expressions = [.. patterns.Select(Expression)];
        string[] found = [.. files.Where(file => expressions.Any(expression => expression.IsMatch(file))).Order(StringComparer.Ordinal)];
        return found.Length > 0
            ? found
            : throw InputFile.Error(name.ToString(), $"no file matches {string.Join(" or ", patterns)}; there are {Shown(files)}");
    }

    private static Regex Expression(string pattern)
    {
        StringBuilder expression = new("^");
        foreach (char letter in pattern.EndsWith('/') ? pattern + '*' : pattern)
            _ = expression.Append(letter switch { '*' => ".*", '?' => ".", _ => Regex.Escape(letter.ToString()) });
        return new Regex(expression.Append("\\z").ToString(), RegexOptions.CultureInvariant | RegexOptions.Singleline | RegexOptions.NonBacktracking);
    }

    private static string Shown(IReadOnlyList<string> files) => files.Count == 0
        ? "no files"
        : $"{string.Join(", ", files.Take(MostNamed).Select(InputFile.Cut))}{(files.Count > MostNamed ? $", … ({files.Count} in all)" : "")}";
}
