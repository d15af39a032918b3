using System.Text.Json;
using Microsoft.AspNetCore.Http;
using MoA.Engine.Generation;
using MoA.Server.Http;

namespace MoA.Server.OpenAI;

/// <summary><c>GET /v1/models</c> and <c>GET /v1/models/{id}</c>.</summary>
internal static class Models
{
    /// <summary>All names of the model.</summary>
    public static Task ListAsync(HttpContext context, ServedModel served) => JsonResponse.WriteAsync(context, served, static (json, served) =>
    {
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        foreach (string name in served.Names)
            Write(json, served, name);
        json.WriteEndArray();
        // What Anthropic's list has besides.
        json.WriteBoolean("has_more", false);
        json.WriteString("first_id", served.Names[0]);
        json.WriteString("last_id", served.Names[^1]);
        json.WriteEndObject();
    });

    /// <summary>The model by one of its names.</summary>
    public static Task GetAsync(HttpContext context, ServedModel served)
    {
        string name = context.Request.RouteValues["id"] as string ?? "";
        return served.Names.Contains(name)
            ? JsonResponse.WriteAsync(context, (served, name), static (json, it) => Write(json, it.served, it.name))
            : throw new ApiException(404, $"the model '{name}' is not served here", "model", "model_not_found");
    }

    private static void Write(Utf8JsonWriter json, ServedModel served, string name)
    {
        LanguageModel model = served.Service.Model;
        json.WriteStartObject();
        json.WriteString("id", name);
        json.WriteString("object", "model");
        json.WriteString("type", "model");
        json.WriteString("display_name", name);
        json.WriteNumber("created", served.Created);
        json.WriteString("created_at", DateTimeOffset.FromUnixTimeSeconds(served.Created).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture));
        json.WriteString("owned_by", "moa");
        json.WriteString("root", served.Service.Model.Name);
        json.WriteNumber("context_length", served.ContextLength);
        json.WriteNumber("max_model_len", served.ContextLength);
        json.WriteNumber("max_input_tokens", served.ContextLength);
        json.WriteNumber("max_tokens", served.ContextLength);
        json.WriteString("lifecycle", "active");
        foreach (string field in (ReadOnlySpan<string>)["capabilities", "line", "deprecated_at", "retires_at"])
            json.WriteNull(field);
        json.WriteStartObject("meta");
        json.WriteNumber("n_ctx", served.ContextLength);
        json.WriteNumber("n_ctx_train", model.MaxPositions);
        json.WriteNumber("n_vocab", model.VocabularySize);
        json.WriteNumber("n_embd", model.HiddenSize);
        json.WriteNumber("n_params", model.Parameters);
        json.WriteNumber("size", model.WeightBytes);
        json.WriteEndObject();
        json.WriteStartObject("moa");
        json.WriteString("policy", served.Service.Options.Policy.FullName);
        json.WriteNumber("kvMemory", served.Service.State.CacheLimit);
        json.WriteNumber("maxSequences", served.Service.Options.MaxSequences);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
