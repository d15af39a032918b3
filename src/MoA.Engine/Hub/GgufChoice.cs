using MoA.Engine.Files;

namespace MoA.Engine.Hub;

/// <summary>Chooses one GGUF model among the files of a repository, which often holds it in many formats.</summary>
internal static class GgufChoice
{
    private const int MostNamed = 6;

    /// <summary>The files of the model that a name asks for, all parts of it, in their order; none if the repository holds no GGUF file.</summary>
    /// <param name="name">What is asked for; without a file it must be the only one.</param>
    /// <param name="files">Names of files, other kinds among them.</param>
    /// <param name="elsewhere">Where these are and how to get others, for messages.</param>
    /// <exception cref="InvalidInputException">There are several, none of the name, or parts are missing.</exception>
    public static string[] Choose(HubName name, IEnumerable<string> files, string elsewhere = "")
    {
        string[] all = [.. files.Where(file => file.EndsWith(ModelPath.GgufExtension, StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal)];
        string[][] models = [.. all.GroupBy(file => GgufPart.Of(file)?.Whole ?? file).Select(group => group.ToArray())];
        string[][] found = name.File is string wanted ? Find(models, wanted) : [.. models.Where(model => !IsBeside(model[0]))];
        return found.Length switch
        {
            1 => Whole(name, found[0], elsewhere),
            0 when name.File is null => [],
            0 when models.Length == 0 => throw InputFile.Error(name.ToString(), $"there is no such file, and {name.Repository} holds no GGUF file{elsewhere}"),
            0 => throw InputFile.Error(name.ToString(), $"there is no such file; {name.Repository} holds {List(models)}{elsewhere}"),
            _ => throw InputFile.Error(name.ToString(), $"stands for {found.Length} GGUF models: {List(found)}; name one, such as {name with { File = found[0][0] }}"),
        };
    }

    private static string[][] Find(string[][] models, string wanted)
    {
        string[][] exact = [.. models.Where(model => model.Contains(wanted, StringComparer.Ordinal))];
        if (exact.Length == 0)
            exact = [.. models.Where(model => model.Any(file => file[(file.LastIndexOf('/') + 1)..] == wanted))];
        return exact.Length > 0 ? exact : [.. models.Where(model => !IsBeside(model[0]) && IsTagged(model[0], wanted))];
    }

    // As people name formats: the end of a file's name, or its folder.
    private static bool IsTagged(string file, string tag)
    {
        string[] parts = (GgufPart.Of(file)?.Whole ?? file[..^ModelPath.GgufExtension.Length]).Split('/');
        return parts.SkipLast(1).Contains(tag, StringComparer.OrdinalIgnoreCase) || EndsWith(parts[^1], tag);

        static bool EndsWith(string stem, string tag) => stem.EndsWith(tag, StringComparison.OrdinalIgnoreCase) &&
            (stem.Length == tag.Length || !char.IsAsciiLetterOrDigit(stem[^(tag.Length + 1)]));
    }

    // What stands beside models: projectors of images, statistics of quantisation.
    private static bool IsBeside(string file)
    {
        string name = file[(file.LastIndexOf('/') + 1)..];
        return name.Contains("mmproj", StringComparison.OrdinalIgnoreCase) || name.Contains("imatrix", StringComparison.OrdinalIgnoreCase);
    }

    private static string[] Whole(HubName name, string[] files, string elsewhere)
    {
        if (GgufPart.Of(files[0]) is not GgufPart first)
            return files;
        int there = files.Select(file => GgufPart.Of(file)!.Value.Number).Distinct().Count(number => number >= 1 && number <= first.Count);
        return there == first.Count && files.Length == there
            ? files
            : throw InputFile.Error(name.ToString(), $"{there} of the {first.Count} parts of {first.Whole} are there; expected all of them{elsewhere}");
    }

    private static string List(string[][] models) =>
        $"{string.Join(", ", models.Take(MostNamed).Select(model => InputFile.Cut(model[0])))}{(models.Length > MostNamed ? $", … ({models.Length} in all)" : "")}";
}
