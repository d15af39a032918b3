using System.Text.Encodings.Web;
using System.Text.Json;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Structured;

/// <summary>Answers that call one of some tools, as families of models write calls: what a choice of <c>required</c> or of one tool comes to.</summary>
internal static class ToolCallFormats
{
    /// <summary>Qwen and Hermes: each call between tags, on lines of its own.</summary>
    /// <param name="tools">The tools that may be called.</param>
    /// <param name="several">Whether several calls may be made.</param>
    public static OutputFormat Hermes(IReadOnlyList<ToolDefinition> tools, bool several) => Several(
        new OutputFormat.Sequence(
            new OutputFormat.Marker("<tool_call>"), new OutputFormat.Literal("\n"), Call(tools, "arguments"), new OutputFormat.Literal("\n"),
            new OutputFormat.Marker("</tool_call>")),
        new OutputFormat.Literal("\n"), several);

    /// <summary>Llama 3: one call, without anything around it.</summary>
    /// <param name="tools">The tools that may be called.</param>
    public static OutputFormat Llama3(IReadOnlyList<ToolDefinition> tools) => Call(tools, "parameters");

    /// <summary>Mistral: a list of calls behind a token.</summary>
    /// <param name="tools">The tools that may be called.</param>
    /// <param name="several">Whether several calls may be made.</param>
    public static OutputFormat Mistral(IReadOnlyList<ToolDefinition> tools, bool several) => new OutputFormat.Sequence(
        new OutputFormat.Marker("[TOOL_CALLS]"), new OutputFormat.Literal("["),
        Several(Call(tools, "arguments"), new OutputFormat.Literal(", "), several), new OutputFormat.Literal("]"));

    /// <summary>One call: an object with the tool's name and its arguments, an object of any kind where the tool has no schema.</summary>
    /// <param name="tools">The tools that may be called.</param>
    /// <param name="arguments">What the arguments are called.</param>
    public static OutputFormat Call(IReadOnlyList<ToolDefinition> tools, string arguments) => new OutputFormat.Choice([.. tools.Select(tool =>
        new OutputFormat.Sequence(
            new OutputFormat.Literal($"{{\"name\": {Quote(tool.Name)}, \"{arguments}\": "), new OutputFormat.Json(tool.Parameters),
            new OutputFormat.Literal("}")))]);

    private static OutputFormat.Repeat Several(OutputFormat call, OutputFormat separator, bool several) =>
        new(call, separator, Least: 1, Most: several ? null : 1);

    private static string Quote(string name) => $"\"{JsonEncodedText.Encode(name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
}
