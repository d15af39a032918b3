using MoA.Engine.Files;
using MoA.Engine.Tokenization.Decoding;

namespace MoA.Engine.Tokenization;

/// <summary>Reads the decoder of a tokenizer.json.</summary>
internal static class DecoderJson
{
    public static TokenDecoder Read(JsonField decoder) => decoder["type"].AsString() switch
    {
        "Sequence" => new SequenceDecoder([.. decoder["decoders"].Items().Select(Read)]),
        "ByteLevel" => new ByteLevelDecoder(),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Replace" => ReadReplace(decoder),
        "Strip" => ReadStrip(decoder),
        "Metaspace" => new MetaspaceDecoder(PreTokenizerJson.ReadMark(decoder), PreTokenizerJson.ReadScheme(decoder)),
        var type => throw decoder.Refuse($"the decoder {type} is not supported"),
    };

    private static TokenDecoder ReadReplace(JsonField decoder)
    {
        string content = decoder["content"].AsString();
        return PatternJson.ReadText(decoder["pattern"]) is { } text
            ? new ReplaceTextDecoder(text, content)
            : new ReplaceDecoder(PatternJson.Read(decoder["pattern"]), content);
    }

    private static StripDecoder ReadStrip(JsonField decoder)
    {
        string content = decoder["content"].AsString();
        (int start, int stop) = (decoder["start"].AsInteger(), decoder["stop"].AsInteger());
        bool isCharacter = content.Length == 1 || (content.Length == 2 && char.IsSurrogatePair(content[0], content[1]));
        return isCharacter && start >= 0 && stop >= 0
            ? new StripDecoder(content, start, stop)
            : throw decoder.Refuse("expected one character in content and counts of zero or more in start and stop");
    }
}
