using MoA.Engine.Tokenization.Jinja;

namespace MoA.Engine.Tokenization;

/// <summary>
/// Messages and tools as the values that transformers passes to chat templates: a key is there only where something is set, since templates
/// ask for it. What callers give is traced, so that no text of theirs becomes a special token.
/// </summary>
internal static class TemplateMessages
{
    /// <summary>The origin of what callers give beside the messages' contents: roles, names, tools, variables.</summary>
    public const int DataOrigin = -1;

    /// <summary>The origin of a message's content.</summary>
    public static int ContentOrigin(int message) => message + 1;

    /// <summary>A message as <c>{"role", "content", "name", "tool_call_id", "reasoning_content", "thinking", "tool_calls"}</c>.</summary>
    /// <param name="message">The message.</param>
    /// <param name="index">Which of the conversation it is.</param>
    /// <param name="takesNoContent">Whether a message that only asks for tools has the content none, else an empty text.</param>
    public static JinjaMap Write(ChatMessage message, int index, bool takesNoContent)
    {
        int origin = ContentOrigin(index);
        bool isEmpty = takesNoContent && message.Content.Length == 0 && message.ToolCalls.Count > 0;
        var map = new JinjaMap
        {
            ["role"] = Data(message.Role.Name),
            ["content"] = isEmpty ? null : new TracedText(message.Content, origin),
        };
        if (message.Name is not null)
            map["name"] = Data(message.Name);
        if (message.ToolCallId is not null)
            map["tool_call_id"] = Data(message.ToolCallId);
        if (message.Reasoning is not null)
        {
            map["reasoning_content"] = new TracedText(message.Reasoning, origin);
            map["thinking"] = new TracedText(message.Reasoning, origin);
        }

        if (message.ToolCalls.Count > 0)
            map["tool_calls"] = JinjaList.Of(message.ToolCalls.Select(call => Write(call, origin)));
        return map;
    }

    /// <summary>A tool as OpenAI's object.</summary>
    /// <param name="tool">The tool.</param>
    /// <param name="isComplete">Whether a description and parameters that it lacks are written all the same.</param>
    public static JinjaMap Write(ToolDefinition tool, bool isComplete) =>
        new() { ["type"] = new TracedText("function"), ["function"] = WriteFunction(tool, isComplete) };

    /// <summary>The function within <see cref="Write(ToolDefinition, bool)"/>.</summary>
    public static JinjaMap WriteFunction(ToolDefinition tool, bool isComplete)
    {
        var function = new JinjaMap { ["name"] = Data(tool.Name) };
        if ((tool.Description ?? (isComplete ? "" : null)) is string description)
            function["description"] = Data(description);
        if (tool.Parameters is not null)
            function["parameters"] = JinjaJsonReader.ReadObject(tool.Parameters, DataOrigin, $"the parameters of the tool '{tool.Name}'");
        else if (isComplete)
            function["parameters"] = new JinjaMap { ["type"] = new TracedText("object"), ["properties"] = new JinjaMap() };
        return function;
    }

    /// <summary>A call's name and arguments.</summary>
    public static JinjaMap WriteFunction(ToolCall call, int origin)
    {
        string arguments = string.IsNullOrWhiteSpace(call.Arguments) ? "{}" : call.Arguments;
        return new()
        {
            ["name"] = Data(call.Name),
            ["arguments"] = JinjaJsonReader.ReadObject(arguments, origin, $"the arguments of a call of '{call.Name}'"),
        };
    }

    public static TracedText Data(string text) => new(text, DataOrigin);

    private static JinjaMap Write(ToolCall call, int origin)
    {
        var map = new JinjaMap();
        if (call.Id.Length > 0)
            map["id"] = Data(call.Id);
        map["type"] = new TracedText("function");
        map["function"] = WriteFunction(call, origin);
        return map;
    }
}
