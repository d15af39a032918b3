using System.Globalization;
using System.Text;

namespace MoA.Serving.Chat.Replies;

/// <summary>Reads a call's arguments, a JSON object, as they come. What it has read is the beginning of valid JSON at any time.</summary>
internal sealed class ArgumentsReader
{
    private readonly JsonScanner _json = new();
    private readonly StringBuilder _text = new();

    /// <summary>Whether the object is complete.</summary>
    public bool IsDone => _json.IsDone;

    /// <summary>All that was read.</summary>
    public string Text => _text.ToString();

    /// <summary>Takes the next character.</summary>
    /// <returns>It as it stands in JSON: line feeds and the like that a model wrote as they are within a text, escaped; null where it cannot stand.</returns>
    public string? Push(char c)
    {
        bool isEscaped = c < ' ' && _json.TakesControl;
        if ((_text.Length == 0 && c != '{') || !_json.Push(c))
            return null;
        string written = !isEscaped ? c.ToString() : c switch
        {
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            _ => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
        };
        _ = _text.Append(written);
        return written;
    }
}
