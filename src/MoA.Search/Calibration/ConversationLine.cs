using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>Reads one line of a conversations file. Every failure is an <see cref="InvalidInputException"/> that begins
/// with the line's origin, <c>file.jsonl:3</c>.</summary>
internal sealed class ConversationLine(string origin)
{
    private const string KnownShapes =
        """{"messages":[…]}, {"tokens":[…],"answers":[[start,end],…]}, {"text":…} """
        + """or LongBench's {"input":…,"context":…,"answers":[…]}""";

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    public CalibrationItem Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line, Options);
            return ParseItem(document.RootElement);
        }
        catch (JsonException failure)
        {
            throw new InvalidInputException(
                $"{origin}: not valid JSON near byte {failure.BytePositionInLine ?? 0} of the line; expected one object a line, "
                + "without repeated keys and nested at most 64 deep; write it with a JSON library", failure);
        }
        catch (InvalidOperationException failure)
        {
            // What System.Text.Json throws for text that is not UTF-8 and for halves of surrogate pairs.
            throw new InvalidInputException(
                $"{origin}: a string is not valid Unicode; save the file as UTF-8, without lone \\uD800…\\uDFFF escapes", failure);
        }
    }

    private CalibrationItem ParseItem(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw Bad($"the line is {Describe(root)}; expected an object: {KnownShapes}");

        bool hasMessages = root.TryGetProperty("messages", out JsonElement messages);
        bool hasTokens = root.TryGetProperty("tokens", out JsonElement tokens);
        bool hasText = root.TryGetProperty("text", out JsonElement text);
        if ((hasMessages ? 1 : 0) + (hasTokens ? 1 : 0) + (hasText ? 1 : 0) > 1)
            throw Bad("the item has more than one of \"messages\", \"tokens\" and \"text\"; keep one of them");

        CalibrationItem item = hasMessages ? ParseMessages(messages)
            : hasTokens ? ParseTokens(root, tokens)
            : hasText ? new TextItem(Text(text, "\"text\""))
            : root.TryGetProperty("input", out JsonElement input) && root.TryGetProperty("context", out JsonElement context)
                ? ParseLongBench(root, input, context)
            : throw Bad($"the object has none of the keys that say what it is; expected {KnownShapes}");
        return item with
        {
            Origin = origin,
            Source = Label(root, "source"),
            Dataset = Label(root, "dataset"),
            Kind = Label(root, "kind"),
        };
    }

    private MessagesItem ParseMessages(JsonElement array)
    {
        Expect(array, JsonValueKind.Array, "\"messages\"", "an array of {\"role\":…,\"content\":…}");
        List<ChatMessage> messages = new(array.GetArrayLength());
        foreach (JsonElement element in array.EnumerateArray())
        {
            string place = $"message {messages.Count + 1}";
            Expect(element, JsonValueKind.Object, place, "{\"role\":…,\"content\":…}");
            string role = Text(Member(element, "role", place), $"the role of {place}");
            if (role is not ("system" or "user" or "assistant"))
                throw Bad($"{place} has the role \"{Shorten(role)}\"; expected system, user or assistant");

            messages.Add(new ChatMessage(new ChatRole(role), Text(Member(element, "content", place), $"the content of {place}")));
        }

        return messages.Count > 0
            ? new MessagesItem(messages)
            : throw Bad("the conversation is empty; expected at least one message; remove the line");
    }

    private TokensItem ParseTokens(JsonElement root, JsonElement array)
    {
        Expect(array, JsonValueKind.Array, "\"tokens\"", "an array of token ids");
        List<int> tokens = new(array.GetArrayLength());
        foreach (JsonElement element in array.EnumerateArray())
            tokens.Add(Whole(element, $"token {tokens.Count}"));

        if (tokens.Count == 0)
            throw Bad("the item has no tokens; expected at least one; remove the line");

        return new TokensItem(tokens, root.TryGetProperty("answers", out JsonElement answers) ? ParseSpans(answers, tokens.Count) : null);
    }

    private List<AnswerSpan> ParseSpans(JsonElement array, int tokenCount)
    {
        Expect(array, JsonValueKind.Array, "\"answers\"", "an array of [start,end]");
        List<AnswerSpan> spans = new(array.GetArrayLength());
        int free = 0;
        foreach (JsonElement element in array.EnumerateArray())
        {
            string place = $"answer {spans.Count + 1}";
            Expect(element, JsonValueKind.Array, place, "[start,end]");
            if (element.GetArrayLength() != 2)
                throw Bad($"{place} has {element.GetArrayLength()} entries; expected two, [start,end]");

            AnswerSpan span = new(Whole(element[0], $"the start of {place}"), Whole(element[1], $"the end of {place}"));
            if (span.Start >= span.End || span.End > tokenCount)
                throw Bad($"{place} is [{span.Start},{span.End}] of {tokenCount} tokens; expected 0 <= start < end <= {tokenCount}");

            if (span.Start < free)
                throw Bad($"{place} starts at {span.Start}, before the one in front of it ends at {free}; sort the answers and keep them apart");

            free = span.End;
            spans.Add(span);
        }

        return spans;
    }

    private MessagesItem ParseLongBench(JsonElement root, JsonElement inputElement, JsonElement contextElement)
    {
        string input = Text(inputElement, "\"input\""), context = Text(contextElement, "\"context\"");
        string question = input.Length == 0 ? context : context.Length == 0 ? input : $"{context}\n\n{input}";
        if (question.Length == 0)
            throw Bad("\"input\" and \"context\" are both empty; expected text in at least one; remove the line");

        List<ChatMessage> messages = [new(ChatRole.User, question)];
        if (root.TryGetProperty("answers", out JsonElement answers))
        {
            Expect(answers, JsonValueKind.Array, "\"answers\"", "an array of strings");
            if (answers.GetArrayLength() > 0)
                messages.Add(new(ChatRole.Assistant, Text(answers[0], "the first answer")));
        }

        return new MessagesItem(messages);
    }

    private string? Label(JsonElement root, string key) =>
        root.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? Text(value, $"\"{key}\"") : null;

    private JsonElement Member(JsonElement parent, string key, string place) =>
        parent.TryGetProperty(key, out JsonElement value) ? value : throw Bad($"{place} has no \"{key}\"; add it");

    private string Text(JsonElement element, string place)
    {
        Expect(element, JsonValueKind.String, place, "a string");
        return element.GetString()!;
    }

    private int Whole(JsonElement element, string place)
    {
        if (element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value) && value >= 0)
            return value;

        throw Bad($"{place} is {Describe(element)}; expected a whole number from 0 to {int.MaxValue}");
    }

    private void Expect(JsonElement element, JsonValueKind kind, string place, string expected)
    {
        if (element.ValueKind != kind)
            throw Bad($"{place} is {Describe(element)}; expected {expected}");
    }

    private InvalidInputException Bad(string message) => new($"{origin}: {message}");

    private static string Describe(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => Shorten(element.GetRawText()),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "null",
    };

    /// <summary>What was read, cut to a length and freed of line breaks so that the message stays one line.</summary>
    private static string Shorten(string text)
    {
        string start = text.Length > 40 ? text[..40] + "…" : text;
        return string.Concat(start.Select(c => char.IsControl(c) || c is '\u2028' or '\u2029' ? ' ' : c));
    }
}
