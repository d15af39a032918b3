using System.Text.Encodings.Web;
using System.Text.Json;
using MoA.Engine.Tokenization;
using MoA.Serving.Structured;

namespace MoA.Serving.Chat.Replies;

/// <summary>What an answer must be where a call is required or JSON is wanted, in the way in which the model writes calls and thoughts.</summary>
internal static class AnswerConstraint
{
    // A model that is made to call goes on calling at times.
    private const int MostCalls = 16;

    /// <summary>The format of an answer; null where it may be any text.</summary>
    /// <param name="format">How the model writes.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="start">Where in the answer the prompt ends; within the text, the format is that of all of it, of which the prompt has the beginning.</param>
    public static OutputFormat? For(ReplyFormat format, ChatRequest request, ReplyStart start)
    {
        OutputFormat? answer = request.ToolChoice.Kind == ToolChoiceKind.Required ? Calls(format, request.Tools, request) : null;
        if (answer is null && request.Format.IsJson)
        {
            OutputFormat json = new OutputFormat.Json(request.Format.Schema);
            if (start == ReplyStart.Text)
                return json;
            if (format.IsHarmony)
                json = new OutputFormat.Sequence([.. Parts(format, "<|channel|>final<|message|>"), json]);
            bool mayCall = request.ToolChoice.Kind == ToolChoiceKind.Auto && request.Tools.Count > 0;
            answer = mayCall ? new OutputFormat.Choice(json, Calls(format, request.Tools, request)) : json;
        }

        return answer is null ? null : AfterThoughts(format, answer, start != ReplyStart.Beginning, request.Thinks != false);
    }

    /// <summary>Calls of tools, one at least.</summary>
    private static OutputFormat Calls(ReplyFormat format, IReadOnlyList<ToolDefinition> tools, ChatRequest request)
    {
        CallShape shape = format.Shape;
        string? name = request.ToolChoice.Name;
        OutputFormat call = new OutputFormat.Choice([.. tools.Where(tool => name is null || tool.Name == name).Select(tool => Call(format, tool))]);
        bool isOne = shape.Between is null || name is not null || !request.ParallelToolCalls;
        OutputFormat calls = isOne
            ? call
            : new OutputFormat.Repeat(call, shape.Between!.Length > 0 ? Sequence(Parts(format, shape.Between)) : null, Least: 1, Most: MostCalls);
        return Sequence([.. Parts(format, shape.Opening), calls, .. Parts(format, shape.Closing)]);
    }

    private static OutputFormat Call(ReplyFormat format, ToolDefinition tool)
    {
        CallShape shape = format.Shape;
        bool isQuoted = shape.BeforeName.EndsWith('"');
        string name = isQuoted ? JsonEncodedText.Encode(tool.Name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString() : tool.Name;
        return Sequence(
        [
            .. Parts(format, shape.BeforeName), new OutputFormat.Literal(name), .. Parts(format, shape.BeforeArguments),
            CallGrammar.Arguments(format.Syntax, tool), .. Parts(format, shape.AfterArguments),
        ]);
    }

    private static OutputFormat AfterThoughts(ReplyFormat format, OutputFormat answer, bool hasBegun, bool mayThink)
    {
        if (!mayThink && !hasBegun)
            return answer;
        if (format.IsHarmony)
        {
            OutputFormat thoughts = Sequence(
                [.. hasBegun ? [] : Parts(format, "<|channel|>analysis<|message|>"), new OutputFormat.FreeText("<|end|>"), .. Parts(format, "<|start|>assistant")]);
            OutputFormat after = Sequence([thoughts, answer]);
            return hasBegun ? after : new OutputFormat.Choice(answer, after);
        }

        if (format.Thoughts is not { } marks)
            return answer;
        OutputFormat gap = new OutputFormat.Choice(new OutputFormat.Literal(""), new OutputFormat.Literal("\n"), new OutputFormat.Literal("\n\n"));
        OutputFormat closed = Sequence([new OutputFormat.FreeText(marks.Close), gap, answer]);
        return hasBegun ? closed : new OutputFormat.Choice(answer, Sequence([new OutputFormat.Marker(marks.Open), closed]));
    }

    private static OutputFormat Sequence(List<OutputFormat> parts) => parts.Count == 1 ? parts[0] : new OutputFormat.Sequence(parts);

    // Marks are single tokens where the vocabulary has them, the rest is text.
    private static List<OutputFormat> Parts(ReplyFormat format, string text)
    {
        List<OutputFormat> parts = [];
        while (text.Length > 0)
        {
            (int at, string mark) = format.AllMarks().Distinct()
                .Select(mark => (At: text.IndexOf(mark, StringComparison.Ordinal), Mark: mark)).Where(found => found.At >= 0)
                .OrderBy(found => found.At).ThenByDescending(found => found.Mark.Length).FirstOrDefault((text.Length, ""));
            if (at > 0)
                parts.Add(new OutputFormat.Literal(text[..at]));
            if (mark.Length > 0)
                parts.Add(new OutputFormat.Marker(mark));
            text = text[(at + mark.Length)..];
        }

        return parts;
    }
}
