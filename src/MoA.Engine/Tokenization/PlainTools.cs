using System.Text;
using MoA.Engine.Tokenization.Jinja;

namespace MoA.Engine.Tokenization;

/// <summary>
/// Tools for models whose template knows none: the tools stand in the system message, calls are lines of JSON in the assistant's messages,
/// and the tools' answers come from the user. Templates that know a part of this get the rest.
/// </summary>
internal static class PlainTools
{
    private const string System = "system";
    private const string User = "user";

    private const string Introduction = "You may call these functions, each described by a line of JSON:";

    private const string Instruction =
        "To call a function, answer with nothing but a line of JSON with its name and arguments, one line for each call: "
        + "{\"name\": \"function name\", \"arguments\": {\"parameter\": \"value\"}}";

    private static TracedText Gap => new("\n\n");

    /// <summary>The messages as a template that knows neither calls nor tools' answers takes them.</summary>
    public static List<object?> WriteCalls(IEnumerable<ChatMessage> messages)
    {
        var turns = new List<(string Role, TracedText Content)>();
        bool followsResult = false;
        int index = 0;
        foreach (ChatMessage message in messages)
        {
            bool isResult = message.Role == ChatRole.Tool;
            TracedText content = Content(message, index++);
            // Templates want user and assistant by turns.
            if (followsResult && (isResult || message.Role == ChatRole.User))
                turns[^1] = (User, turns[^1].Content + Gap + content);
            else
                turns.Add((isResult ? User : message.Role.Name, content));
            followsResult = isResult;
        }

        return [.. turns.Select(turn => Turn(turn.Role, turn.Content))];
    }

    /// <summary>The messages with the tools told of in the system's message, or in the user's where the template knows no system.</summary>
    public static List<object?> Introduce(List<object?> messages, IReadOnlyList<ToolDefinition> tools, bool takesSystem)
    {
        string role = takesSystem ? System : User;
        int first = messages.FindIndex(message => IsOf((JinjaMap)message!, role));
        if (first < 0 || (takesSystem && first > 0))
            return [Turn(role, Describe(tools)), .. messages];
        TracedText content = Content((JinjaMap)messages[first]!);
        JinjaMap told = With((JinjaMap)messages[first]!, "content", takesSystem ? content + Gap + Describe(tools) : Describe(tools) + Gap + content);
        return [.. messages[..first], told, .. messages[(first + 1)..]];
    }

    /// <summary>The messages with the tools as a text of JSON, <c>tools</c>, in the system's message.</summary>
    public static List<object?> IntoSystem(List<object?> messages, IReadOnlyList<ToolDefinition> tools)
    {
        bool isThere = messages is [JinjaMap first, ..] && IsOf(first, System);
        JinjaMap system = isThere ? (JinjaMap)messages[0]! : Turn(System, TracedText.Empty);
        string list = $"[{string.Join(", ", tools.Select(tool => Json(TemplateMessages.WriteFunction(tool, isComplete: true))))}]";
        return [With(system, "tools", TemplateMessages.Data(list)), .. messages.Skip(isThere ? 1 : 0)];
    }

    /// <summary>A message whose calls the template would leave out, with them in its content, as the model was trained to write them.</summary>
    /// <param name="message">The message.</param>
    /// <param name="index">Which of the conversation it is.</param>
    /// <param name="source">The template's source, which tells the marks around calls.</param>
    public static JinjaMap WithCalls(ChatMessage message, int index, string source)
    {
        int origin = TemplateMessages.ContentOrigin(index);
        (string open, string before, string between, string after, string close) =
            source.Contains("<tool_call>", StringComparison.Ordinal) ? ("", "<tool_call>\n", "\n", "\n</tool_call>", "")
            : source.Contains("<|tool_call|>", StringComparison.Ordinal) || source.Contains("<|tool|>", StringComparison.Ordinal) ? ("<|tool_call|>[", "", ", ", "", "]")
            : ("", "", "\n", "", "");
        var content = new TracedTextBuilder().Append(message.Content, origin).Append(message.Content.Length > 0 && open.Length == 0 ? "\n" : "").Append(open);
        for (int i = 0; i < message.ToolCalls.Count; i++)
            content.Append(i > 0 ? between : "").Append(before).Append(Json(TemplateMessages.WriteFunction(message.ToolCalls[i], origin)), origin).Append(after);
        return With(TemplateMessages.Write(message with { ToolCalls = [] }, index, takesNoContent: false), "content", content.Append(close).ToText());
    }

    /// <summary>The tools, a line of JSON each.</summary>
    private static TracedText Describe(IReadOnlyList<ToolDefinition> tools)
    {
        var text = new StringBuilder(Introduction);
        foreach (ToolDefinition tool in tools)
            text.Append('\n').Append(Json(TemplateMessages.Write(tool, isComplete: true)));
        return TemplateMessages.Data(text.Append("\n\n").Append(Instruction).ToString());
    }

    private static TracedText Content(ChatMessage message, int index)
    {
        int origin = TemplateMessages.ContentOrigin(index);
        TracedText content = new(message.Content, origin);
        if (message.Role == ChatRole.Tool)
            return message.Name is null ? content : TemplateMessages.Data($"Result of {message.Name}:\n") + content;
        foreach (ToolCall call in message.ToolCalls)
            content = content + new TracedText(content.Length > 0 ? "\n" : "") + new TracedText(Json(TemplateMessages.WriteFunction(call, origin)), origin);
        return content;
    }

    private static bool IsOf(JinjaMap message, string role) => message.TryGet(new TracedText("role"), out object? found) && found is TracedText text && text.Text == role;

    private static TracedText Content(JinjaMap message) =>
        message.TryGet(new TracedText("content"), out object? content) && content is TracedText text ? text : TracedText.Empty;

    private static JinjaMap Turn(string role, TracedText content) => new() { ["role"] = TemplateMessages.Data(role), ["content"] = content };

    private static JinjaMap With(JinjaMap message, string key, TracedText value)
    {
        var changed = new JinjaMap();
        foreach ((object? name, object? known) in message.Entries)
            changed[name] = known;
        changed[key] = value;
        return changed;
    }

    private static string Json(JinjaMap map) => JinjaJson.Write(map, new JinjaArguments([], [], 0, new JinjaBudget(1 << 20))).Text;
}
