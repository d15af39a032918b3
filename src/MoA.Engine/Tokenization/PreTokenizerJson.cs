using MoA.Engine.Files;
using MoA.Engine.Tokenization.PreTokenizing;

namespace MoA.Engine.Tokenization;

/// <summary>Reads the pre-tokenizer of a tokenizer.json.</summary>
internal static class PreTokenizerJson
{
    public static PreTokenizer Read(JsonField splitter) => splitter["type"].AsString() switch
    {
        "Sequence" => new SequencePreTokenizer([.. splitter["pretokenizers"].Items().Select(Read)]),
        "ByteLevel" => new ByteLevelPreTokenizer(
            splitter["add_prefix_space"].AsBoolean(missing: true), splitter["use_regex"].AsBoolean(missing: true)),
        "Split" => new SplitPreTokenizer(
            PatternJson.Read(splitter["pattern"]), ReadBehavior(splitter["behavior"]), splitter["invert"].AsBoolean(missing: false)),
        "Digits" => new DigitsPreTokenizer(splitter["individual_digits"].AsBoolean(missing: false)),
        "Metaspace" => new MetaspacePreTokenizer(
            ReadMark(splitter), ReadScheme(splitter), splitter["split"].AsBoolean(missing: true)),
        var type => throw splitter.Refuse($"the pre-tokenizer {type} is not supported"),
    };

    /// <summary>The space mark of a Metaspace step.</summary>
    public static string ReadMark(JsonField metaspace) => metaspace["replacement"].AsString() is { Length: > 0 } mark
        ? mark
        : throw metaspace.Refuse("the replacement of spaces is empty");

    /// <summary>Where a Metaspace step puts a mark in front; older files say so with <c>add_prefix_space</c>.</summary>
    public static PrependScheme ReadScheme(JsonField metaspace) => metaspace["prepend_scheme"].AsOptionalString() switch
    {
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        null => metaspace["add_prefix_space"].AsBoolean(missing: true) ? PrependScheme.Always : PrependScheme.Never,
        var scheme => throw metaspace.Refuse($"the prepend_scheme '{scheme}' is not supported; always, first and never are"),
    };

    private static SplitBehavior ReadBehavior(JsonField behavior) =>
        behavior.AsString() is var name && Enum.TryParse(name, out SplitBehavior value) && char.IsAsciiLetter(name[0])
            ? value
            : throw behavior.Refuse($"the behavior '{name}' is not supported");
}
