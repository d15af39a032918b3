using MoA.Engine.Tokenization;
using MoA.Server.Http;

namespace MoA.Server.OpenAI;

/// <summary>A prompt of <c>/v1/completions</c>.</summary>
/// <param name="Tokens">Its tokens.</param>
/// <param name="Text">Its text, as it was given; null for one that was given as tokens.</param>
internal sealed record CompletionPrompt(int[] Tokens, string? Text)
{
    private const int MaxPrompts = 1024;

    /// <summary>Reads a text, a list of texts, tokens, or a list of lists of tokens.</summary>
    public static IReadOnlyList<CompletionPrompt> Read(JsonInput field, ServedModel served)
    {
        const string Expected = "a text, a list of texts, a list of tokens, or a list of lists of tokens";
        field = field.Required(Expected);
        if (field.IsText)
            return [OfText(field, served)];
        List<JsonInput> items = [.. field.Items(Expected)];
        if (items.Count == 0)
            throw field.Fail($"is empty; expected {Expected}");
        if (items[0].IsNumber)
            return [new CompletionPrompt(ReadTokens(field, served), null)];
        if (items.Count > MaxPrompts)
            throw field.Fail($"holds {items.Count} prompts; expected at most {MaxPrompts}");
        return [.. items.Select(item => item.IsText ? OfText(item, served) : new CompletionPrompt(ReadTokens(item, served), null))];
    }

    /// <summary>Its text; of tokens, without special ones.</summary>
    public string TextOf(ServedModel served) => Text ?? served.Tokenizer.Decode(Tokens, skipSpecialTokens: true);

    /// <summary>Tokens of the model, at least one.</summary>
    public static int[] ReadTokens(JsonInput field, ServedModel served)
    {
        int vocabulary = served.Service.Model.VocabularySize;
        int[] tokens = [.. field.Required("a list of tokens").Items("a list of tokens").Select(item =>
            item.Required("a token").AsOptionalInt32(0, vocabulary - 1)!.Value)];
        return tokens.Length > 0 ? tokens : throw field.Fail("is empty; expected at least one token");
    }

    private static CompletionPrompt OfText(JsonInput field, ServedModel served)
    {
        string text = field.AsText();
        Tokenizer tokenizer = served.Tokenizer;
        int[] tokens = tokenizer.EncodePrompt(text);
        if (tokens.Length == 0)
            tokens = (tokenizer.BosId ?? tokenizer.EosId) is int begin ? [begin] : throw field.Fail("is empty; expected at least one token");
        return new CompletionPrompt(tokens, text);
    }
}
