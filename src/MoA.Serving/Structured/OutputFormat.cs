using System.Globalization;
using System.Text;

namespace MoA.Serving.Structured;

/// <summary>
/// What a whole answer must be, put together from pieces. A call that a model must make is one of these; for Hermes, as an example:
/// <code>
/// Marker("&lt;tool_call&gt;"), Literal("\n{\"name\": \"add\", \"arguments\": "), Json(schema), Literal("}\n"), Marker("&lt;/tool_call&gt;")
/// </code>
/// <see cref="Chat.Replies.AnswerConstraint"/> has it for every family.
/// </summary>
internal abstract record OutputFormat
{
    private OutputFormat()
    {
    }

    /// <summary>A text as it is.</summary>
    public sealed record Literal(string Text) : OutputFormat
    {
        internal override void WriteKey(StringBuilder key) => Write(key, 'l', Text);
    }

    /// <summary>A text that is one special token where the vocabulary has it as such, and else a text as it is.</summary>
    public sealed record Marker(string Text) : OutputFormat
    {
        internal override void WriteKey(StringBuilder key) => Write(key, 'm', Text);
    }

    /// <summary>JSON that satisfies a schema; an object of any kind for null.</summary>
    public sealed record Json(string? Schema) : OutputFormat
    {
        internal override void WriteKey(StringBuilder key) => Write(key, 'j', Schema ?? "");
    }

    /// <summary>Any text, up to the first of a marker and with it; for null up to wherever what follows begins.</summary>
    public sealed record FreeText(string? Until = null) : OutputFormat
    {
        internal override void WriteKey(StringBuilder key) => Write(key, 't', Until ?? "");
    }

    /// <summary>Formats one after the other.</summary>
    public sealed record Sequence(params IReadOnlyList<OutputFormat> Parts) : OutputFormat
    {
        internal override void WriteKey(StringBuilder key) => Write(key, 's', "", [.. Parts]);
    }

    /// <summary>One of several.</summary>
    public sealed record Choice(params IReadOnlyList<OutputFormat> Options) : OutputFormat
    {
        internal override void WriteKey(StringBuilder key) => Write(key, 'c', "", [.. Options]);
    }

    /// <summary>A format that is not empty, several times, with another between; <paramref name="Most"/> null: without a bound.</summary>
    public sealed record Repeat(OutputFormat Part, OutputFormat? Separator = null, int Least = 1, int? Most = null) : OutputFormat
    {
        internal override void WriteKey(StringBuilder key) => Write(
            key, 'r', string.Create(CultureInfo.InvariantCulture, $"{Least},{Most}"), Separator is null ? [Part] : [Part, Separator]);
    }

    /// <summary>A text that is equal for equal formats.</summary>
    public string Key
    {
        get
        {
            StringBuilder key = new();
            WriteKey(key);
            return key.ToString();
        }
    }

    internal abstract void WriteKey(StringBuilder key);

    private static void Write(StringBuilder key, char kind, string text, params OutputFormat[] parts)
    {
        _ = key.Append(kind).Append(CultureInfo.InvariantCulture, $"{text.Length}:{text}({parts.Length}");
        foreach (OutputFormat part in parts)
            part.WriteKey(key);
        _ = key.Append(')');
    }
}
