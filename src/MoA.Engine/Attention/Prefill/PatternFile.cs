using System.Globalization;
using System.Text.Json;
using MoA.Engine.Configuration;
using MoA.Engine.Files;

namespace MoA.Engine.Attention.Prefill;

/// <summary>
/// MInference's <c>…_best_pattern.json</c>: a list with an object for each layer, in which each query head has
/// <c>["vertical_and_slash", vertical, slash, score]</c>, or <c>stream_llm</c> or <c>block_sparse</c>.
/// </summary>
internal static class PatternFile
{
    private const string VerticalSlash = "vertical_and_slash", Stream = "stream_llm", BlockSparse = "block_sparse";

    /// <summary>What a head gets that a file leaves out, as in the official code.</summary>
    public static VerticalSlashPattern Default { get; } = new(1000, 6096);

    /// <summary>Reads a file for a model.</summary>
    /// <param name="path">The file.</param>
    /// <param name="config">The model.</param>
    /// <param name="blocks">Blocks of heads with <c>block_sparse</c>, whatever their numbers say: the official code has 100.</param>
    /// <returns>[layers][query heads].</returns>
    /// <exception cref="InvalidInputException">The file cannot be read, or is of a model of another shape.</exception>
    public static HeadPattern[][] Read(string path, ModelConfig config, int blocks)
    {
        ArgumentNullException.ThrowIfNull(config);
        return JsonField.ReadFile<HeadPattern[][]>(path, root =>
        {
            JsonField[] layers = [.. root.Items()];
            return layers.Length == config.Layers
                ? [.. layers.Select(layer => ReadLayer(layer, config.QueryHeads, blocks))]
                : throw root.Refuse($"patterns of {layers.Length} layers; the model has {config.Layers}");
        });
    }

    private static HeadPattern[] ReadLayer(JsonField layer, int heads, int blocks)
    {
        HeadPattern[] patterns = [.. Enumerable.Repeat<HeadPattern>(Default, heads)];
        foreach ((string name, JsonField pattern) in layer.Fields())
        {
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int head) || head >= heads)
                throw pattern.Refuse($"a head of this number is not among the model's {heads} query heads, 0 to {heads - 1}");
            patterns[head] = ReadPattern(pattern, blocks);
        }

        return patterns;
    }

    private static HeadPattern ReadPattern(JsonField pattern, int blocks)
    {
        JsonField[] parts = [.. pattern.Items()];
        if (parts.Length is not (3 or 4))
            throw pattern.Expected($"[\"{VerticalSlash}\", vertical, slash, score]");
        int first = parts[1].AsInteger(0), second = parts[2].AsInteger(0);
        return parts[0].AsString() switch
        {
            VerticalSlash => new VerticalSlashPattern(first, second),
            Stream => new StreamPattern(first, parts[2].AsInteger(1)),
            BlockSparse => new PooledBlocksPattern(blocks),
            _ => throw parts[0].Expected($"{VerticalSlash}, {Stream} or {BlockSparse}"),
        };
    }

    /// <summary>Writes a file.</summary>
    /// <param name="path">The file; replaced once it is whole.</param>
    /// <param name="patterns">[layers][query heads]: each with what it lost, which is written beside it.</param>
    public static void Write(string path, IReadOnlyList<IReadOnlyList<(HeadPattern Pattern, long Score)>> patterns)
    {
        WholeFile.Write(path, stream =>
        {
            using Utf8JsonWriter writer = new(stream);
            writer.WriteStartArray();
            foreach (IReadOnlyList<(HeadPattern Pattern, long Score)> layer in patterns)
                WriteLayer(writer, layer);
            writer.WriteEndArray();
        });
    }

    private static void WriteLayer(Utf8JsonWriter writer, IReadOnlyList<(HeadPattern Pattern, long Score)> heads)
    {
        writer.WriteStartObject();
        for (int head = 0; head < heads.Count; head++)
        {
            (string type, int first, int second) = Name(heads[head].Pattern);
            writer.WriteStartArray(head.ToString(CultureInfo.InvariantCulture));
            writer.WriteStringValue(type);
            writer.WriteNumberValue(first);
            writer.WriteNumberValue(second);
            writer.WriteNumberValue(heads[head].Score);
            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static (string Type, int First, int Second) Name(HeadPattern pattern) => pattern switch
    {
        StreamPattern stream => (Stream, stream.Initial, stream.Local),
        VerticalSlashPattern slash => (VerticalSlash, slash.Vertical, slash.Slash),
        PooledBlocksPattern => (BlockSparse, 10, 1), // the official code's, which stand for its 100 blocks
        _ => throw new NotSupportedException($"{pattern} has no form in files."),
    };
}
