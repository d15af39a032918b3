using System.Globalization;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Evaluation.Data;

namespace MoA.Evaluation.Prompts;

/// <summary>
/// Reads prompts, one JSON object a line: <c>{"prompt":…}</c> or <c>{"messages":[{"role":…,"content":…},…]}</c>, with
/// <c>"maxNewTokens"</c> and <c>"id"</c> if wanted. All lines are read and encoded before the first is run, so that what
/// cannot run is said at once.
/// </summary>
internal static class PromptFile
{
    private static readonly HashSet<string> Keys = ["prompt", "messages", "maxNewTokens", "id"];

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file. A byte order mark and CRLF line ends are accepted.</param>
    /// <param name="model">The model whose context bounds prompts and new tokens.</param>
    /// <param name="encoder">Makes the tokens.</param>
    /// <param name="maxNewTokens">Most tokens to write where a line does not say.</param>
    /// <param name="note">Sees, once each, keys that have no meaning here.</param>
    /// <exception cref="InvalidInputException">The file cannot be read, or a line is no prompt or too long; the message names it.</exception>
    public static IReadOnlyList<PromptItem> Read(
        string path, LanguageModel model, PromptEncoder encoder, int maxNewTokens, Action<string>? note = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(encoder);
        List<PromptItem> items = [];
        Dictionary<string, string> origins = [];
        Dictionary<string, string> unknown = [];
        foreach (DataLine line in DataLine.Read(new DataFile(path)))
        {
            foreach (JsonProperty property in line.Root.EnumerateObject())
            {
                if (!Keys.Contains(property.Name))
                    _ = unknown.TryAdd(property.Name, line.Origin);
            }

            JsonElement id = ReadId(line);
            if (!origins.TryAdd(id.GetRawText(), line.Origin))
                throw new InvalidInputException($"{line.Origin}: the id {id.GetRawText()} stands at {origins[id.GetRawText()]} already; expected an id once");
            EncodedPrompt prompt = Encode(line, encoder);
            int most = line.OptionalWhole("maxNewTokens") ?? maxNewTokens;
            if (most == 0)
                throw line.Bad("maxNewTokens", "a whole number of at least 1");
            items.Add(new PromptItem(id, prompt, model.RoomFor(prompt.Tokens.Length, most, line.Origin)));
        }

        foreach ((string key, string origin) in unknown)
            note?.Invoke($"{origin}: \"{key}\" is passed over; a line has {string.Join(", ", Keys)}");
        return items;
    }

    // The number of a line counts where it has no id of its own.
    private static JsonElement ReadId(DataLine line)
    {
        if (line.Root.TryGetProperty("id", out JsonElement id) && id.ValueKind != JsonValueKind.Null)
        {
            return id.ValueKind == JsonValueKind.String || (id.ValueKind == JsonValueKind.Number && id.TryGetInt64(out _))
                ? id
                : throw line.Bad("id", "text or a whole number");
        }

        string number = line.Origin[(line.Origin.LastIndexOf(':') + 1)..];
        return JsonElement.Parse(int.Parse(number, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture));
    }

    private static EncodedPrompt Encode(DataLine line, PromptEncoder encoder)
    {
        string? text = line.OptionalText("prompt");
        bool hasMessages = line.Root.TryGetProperty("messages", out JsonElement messages) && messages.ValueKind != JsonValueKind.Null;
        if (text is null != hasMessages)
            throw new InvalidInputException($"{line.Origin}: expected either \"prompt\" or \"messages\", and one of them");
        try
        {
            EncodedPrompt prompt = text is null ? encoder.Encode(ReadMessages(line, messages)) : encoder.Encode(text);
            return prompt.Tokens.Length > 0 && text != ""
                ? prompt
                : throw new InvalidInputException("there is no text; expected a prompt of at least one token");
        }
        catch (InvalidInputException failure) when (!failure.Message.StartsWith(line.Origin, StringComparison.Ordinal))
        {
            throw new InvalidInputException($"{line.Origin}: {failure.Message}", failure);
        }
    }

    private static List<ChatMessage> ReadMessages(DataLine line, JsonElement array)
    {
        if (array.ValueKind != JsonValueKind.Array || array.GetArrayLength() == 0)
            throw line.Bad("messages", "an array of at least one {\"role\":…,\"content\":…}");
        List<ChatMessage> messages = [];
        foreach (JsonElement element in array.EnumerateArray())
        {
            DataLine message = new(element, $"{line.Origin}: message {messages.Count + 1}");
            if (element.ValueKind != JsonValueKind.Object)
                throw new InvalidInputException($"{message.Origin}: expected {{\"role\":…,\"content\":…}}");
            string role = message.Text("role");
            if (role is not ("system" or "user" or "assistant"))
                throw message.Bad("role", "system, user or assistant");
            messages.Add(new ChatMessage(new ChatRole(role), message.Text("content")));
        }

        return messages[^1].Role == ChatRole.Assistant
            ? throw new InvalidInputException($"{line.Origin}: the last message is the assistant's; expected a user's, which is to be answered")
            : messages;
    }
}
