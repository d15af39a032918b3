using MoA.Engine.Files;
using MoA.Engine.Tokenization.Normalizing;

namespace MoA.Engine.Tokenization;

/// <summary>Reads the normalizer of a tokenizer.json.</summary>
internal static class NormalizerJson
{
    public static Normalizer Read(JsonField normalizer) => normalizer["type"].AsString() switch
    {
        "Sequence" => new SequenceNormalizer([.. normalizer["normalizers"].Items().Select(Read)]),
        "NFC" => new UnicodeNormalizer(compatibility: false, composes: true),
        "NFD" => new UnicodeNormalizer(compatibility: false, composes: false),
        "NFKC" => new UnicodeNormalizer(compatibility: true, composes: true),
        "NFKD" => new UnicodeNormalizer(compatibility: true, composes: false),
        "Lowercase" => new LowercaseNormalizer(),
        "Strip" => new StripNormalizer(
            normalizer["strip_left"].AsBoolean(missing: true), normalizer["strip_right"].AsBoolean(missing: true)),
        "Prepend" => new PrependNormalizer(normalizer["prepend"].AsString()),
        "Replace" => ReadReplace(normalizer),
        var type => throw normalizer.Refuse($"the normalizer {type} is not supported"),
    };

    private static Normalizer ReadReplace(JsonField normalizer)
    {
        string content = normalizer["content"].AsString();
        return PatternJson.ReadText(normalizer["pattern"]) is { } text
            ? new ReplaceTextNormalizer(text, content)
            : new ReplaceNormalizer(PatternJson.Read(normalizer["pattern"]), content);
    }
}
