using System.Text.Json;
using System.Text.Unicode;
using MoA.Engine.Tokenization;
using MoA.Server.Http;
using MoA.Serving.Chat;

namespace MoA.Server.OpenAI;

/// <summary><c>POST /tokenize</c>, <c>POST /detokenize</c> and <c>POST /apply-template</c>, as llama.cpp and vLLM have them.</summary>
internal static class TokenRoutes
{
    /// <summary>The tokens of a text (<c>content</c>, or vLLM's <c>prompt</c>), or of a conversation (<c>messages</c>).</summary>
    public static Task TokenizeAsync(Exchange exchange)
    {
        Tokenizer tokenizer = exchange.Served.Tokenizer;
        int[] tokens = Encode(exchange.Body, exchange.Served, tokenizer);
        bool withPieces = exchange.Body["with_pieces"].AsOptionalBoolean() ?? false;
        bool withTexts = exchange.Body["return_token_strs"].AsOptionalBoolean() ?? false;
        return exchange.RespondAsync((tokens, tokenizer, withPieces, withTexts, exchange.Served.ContextLength), static (json, it) =>
        {
            json.WriteStartObject();
            json.WriteNumber("count", it.tokens.Length);
            json.WriteNumber("max_model_len", it.ContextLength);
            json.WriteStartArray("tokens");
            foreach (int token in it.tokens)
            {
                if (it.withPieces)
                    WritePiece(json, it.tokenizer, token);
                else
                    json.WriteNumberValue(token);
            }

            json.WriteEndArray();
            if (it.withTexts)
            {
                json.WriteStartArray("token_strs");
                foreach (int token in it.tokens)
                    json.WriteStringValue(it.tokenizer.TokenText(token));
                json.WriteEndArray();
            }

            json.WriteEndObject();
        });
    }

    /// <summary>The text of tokens.</summary>
    public static Task DetokenizeAsync(Exchange exchange)
    {
        JsonInput field = exchange.Body["tokens"].Required("a list of tokens");
        string text = field.Count == 0 && field.IsArray ? "" : exchange.Served.Tokenizer.Decode(CompletionPrompt.ReadTokens(field, exchange.Served));
        return exchange.RespondAsync(text, static (json, text) =>
        {
            json.WriteStartObject();
            json.WriteString("content", text);
            json.WriteString("prompt", text);
            json.WriteEndObject();
        });
    }

    /// <summary>The text of a conversation as the model's template writes it.</summary>
    public static Task ApplyTemplateAsync(Exchange exchange)
    {
        string text = exchange.Served.Service.Render(ChatCompletions.Read(exchange.Body, exchange.Served));
        return exchange.RespondAsync(text, static (json, text) =>
        {
            json.WriteStartObject();
            json.WriteString("prompt", text);
            json.WriteEndObject();
        });
    }

    private static int[] Encode(JsonInput body, ServedModel served, Tokenizer tokenizer)
    {
        if (body["messages"].HasValue)
            return served.Service.Encode(ChatCompletions.Read(body, served));
        bool isContent = body["content"].HasValue;
        string text = (isContent ? body["content"] : body["prompt"].Required("a text, here or under content")).AsText();
        bool addsSpecial = body["add_special"].AsOptionalBoolean() ?? body["add_special_tokens"].AsOptionalBoolean() ?? !isContent;
        return tokenizer.Encode(text, addsSpecial, body["parse_special"].AsOptionalBoolean() ?? true);
    }

    // A text where the token is whole characters, else bytes, as llama.cpp has it.
    private static void WritePiece(Utf8JsonWriter json, Tokenizer tokenizer, int token)
    {
        byte[] bytes = tokenizer.BytesOf(token);
        json.WriteStartObject();
        json.WriteNumber("id", token);
        if (Utf8.IsValid(bytes))
        {
            json.WriteString("piece", bytes);
        }
        else
        {
            json.WriteStartArray("piece");
            foreach (byte part in bytes)
                json.WriteNumberValue(part);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }
}
