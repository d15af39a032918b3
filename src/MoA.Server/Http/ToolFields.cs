using MoA.Engine.Tokenization;
using MoA.Serving.Chat;

namespace MoA.Server.Http;

/// <summary>Reads tools, and whether one must be called.</summary>
internal static class ToolFields
{
    private const int LongestName = 256;

    /// <summary>A function: its name, what it does, and the schema of its arguments.</summary>
    /// <param name="function">The object that describes it.</param>
    /// <param name="parameters">What the schema is called there.</param>
    public static ToolDefinition ReadFunction(JsonInput function, string parameters)
    {
        string name = function["name"].AsText("the tool's name");
        if (name.Length is 0 or > LongestName)
            throw function["name"].Fail($"expected 1 to {LongestName} characters");
        JsonInput schema = function[parameters];
        return new ToolDefinition(
            name, function["description"].AsOptionalText(), schema.HasValue ? schema.ExpectObject("a JSON schema").Raw : null);
    }

    /// <summary>OpenAI's tools, <c>{"type":"function","function":{…}}</c>.</summary>
    public static IReadOnlyList<ToolDefinition> ReadTools(JsonInput field) => Distinct(field, field.Items("a list of tools").Select(tool =>
    {
        string type = tool.ExpectObject("a tool, {\"type\":\"function\",\"function\":…}")["type"].AsText("function");
        return type == "function"
            ? ReadFunction(tool["function"].Required("a function").ExpectObject(), "parameters")
            : throw tool["type"].Fail($"'{type}' is not supported; expected function", "unsupported_parameter");
    }));

    /// <summary><c>none</c>, <c>auto</c>, <c>required</c>, or an object that names a tool.</summary>
    /// <param name="field">The choice.</param>
    /// <param name="tools">What there is to choose from.</param>
    /// <param name="nameOf">Finds the name in the object.</param>
    public static ToolChoice ReadChoice(JsonInput field, IReadOnlyList<ToolDefinition> tools, Func<JsonInput, JsonInput> nameOf)
    {
        if (!field.HasValue)
            return ToolChoice.Auto;
        if (field.IsText)
        {
            return field.AsText() switch
            {
                "auto" => ToolChoice.Auto,
                "none" => ToolChoice.None,
                "required" => tools.Count > 0 ? ToolChoice.Required : throw field.Fail("is required, but there are no tools"),
                string other => throw field.Fail($"'{other}' is no choice; expected auto, none, required, or an object that names a tool"),
            };
        }

        string type = field.ExpectObject("auto, none, required, or an object that names a tool")["type"].AsText("function");
        if (type != "function")
            throw field["type"].Fail($"'{type}' is not supported; expected function", "unsupported_parameter");
        return Named(nameOf(field), tools);
    }

    /// <summary>The choice of one tool, which there must be.</summary>
    public static ToolChoice Named(JsonInput field, IReadOnlyList<ToolDefinition> tools)
    {
        string name = field.AsText("a tool's name");
        return tools.Any(tool => tool.Name == name)
            ? new ToolChoice(ToolChoiceKind.Required, name)
            : throw field.Fail($"'{name}' is none of the tools");
    }

    /// <summary>Refuses two tools of one name, between which nobody could choose.</summary>
    public static IReadOnlyList<ToolDefinition> Distinct(JsonInput field, IEnumerable<ToolDefinition> tools)
    {
        List<ToolDefinition> all = [.. tools];
        HashSet<string> names = [];
        foreach (ToolDefinition tool in all)
        {
            if (!names.Add(tool.Name))
                throw field.Fail($"two tools are called '{tool.Name}'");
        }

        return all;
    }
}
