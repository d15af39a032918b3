using System.Text.Json;
using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured.Schemas;

/// <summary>The values that <c>enum</c> and <c>const</c> list, as JSON writes them.</summary>
internal static class SchemaValues
{
    /// <summary>A terminal of the values that the branch's other words allow.</summary>
    /// <param name="branch">A branch with values.</param>
    /// <param name="terminalOf">What the branch takes, without its values.</param>
    /// <param name="budget">Counts the work.</param>
    public static Terminal? Compile(SchemaBranch branch, Func<JsonKinds, Terminal?> terminalOf, CompileBudget budget)
    {
        JsonKinds spoken = branch.Places.Aggregate(JsonKinds.None, static (kinds, place) => kinds | SchemaWords.KindsOf(place));
        Dictionary<JsonKinds, Terminal?> terminals = [];
        List<byte[]> texts = [];
        foreach (JsonElement value in branch.Values!)
        {
            byte[] text = Write(value);
            budget.Spend(text.Length);
            JsonKinds kind = SchemaWords.KindOf(value);
            if ((spoken & kind) == 0)
            {
                texts.Add(text);
                continue;
            }

            if (kind is JsonKinds.Object or JsonKinds.Array)
                throw branch.Places[0].Refuse("enum or const with lists or objects, beside words that describe those, is not supported");
            if (!terminals.TryGetValue(kind, out Terminal? terminal))
                terminals[kind] = terminal = terminalOf(kind);
            if (terminal is not null && terminal.Accepts(text))
                texts.Add(text);
        }

        return texts.Count == 0 ? null : new LiteralTerminal(texts, budget);
    }

    // Without white space, and with texts in the one way that automata know.
    private static byte[] Write(JsonElement value)
    {
        using MemoryStream stream = new();
        WriteTo(stream, value);
        return stream.ToArray();
    }

    private static void WriteTo(MemoryStream stream, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                stream.Write(JsonText.Quote(value.GetString()!));
                break;
            case JsonValueKind.Array:
                WriteList(stream, "["u8, value.EnumerateArray(), static (stream, item) => WriteTo(stream, item), "]"u8);
                break;
            case JsonValueKind.Object:
                WriteList(stream, "{"u8, value.EnumerateObject(), static (stream, property) =>
                {
                    stream.Write(JsonText.Quote(property.Name));
                    stream.Write(":"u8);
                    WriteTo(stream, property.Value);
                }, "}"u8);
                break;
            default:
                stream.Write(System.Text.Encoding.ASCII.GetBytes(value.GetRawText()));
                break;
        }
    }

    private static void WriteList<T>(
        MemoryStream stream, ReadOnlySpan<byte> open, IEnumerable<T> items, Action<MemoryStream, T> write, ReadOnlySpan<byte> close)
    {
        stream.Write(open);
        int count = 0;
        foreach (T item in items)
        {
            if (count++ > 0)
                stream.Write(","u8);
            write(stream, item);
        }

        stream.Write(close);
    }
}
