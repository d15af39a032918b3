using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using MoA.Engine.Generation;
using MoA.Server.Http;
using MoA.Serving;

namespace MoA.Server.Operations;

/// <summary>What the server does now: for those who start and stop it, and for the page.</summary>
internal static class StateRoutes
{
    /// <summary><c>GET /health</c>: it runs.</summary>
    public static Task HealthAsync(HttpContext context) => JsonResponse.WriteAsync(context, "ok", WriteStatus);

    /// <summary><c>GET /ready</c>: it takes requests; 503 when it is being stopped.</summary>
    public static Task ReadyAsync(HttpContext context, ServedModel served)
    {
        bool isReady = !served.IsStopping && !served.Service.State.IsStopping;
        return isReady ? JsonResponse.WriteAsync(context, "ready", WriteStatus) : throw ApiException.Stopping();
    }

    /// <summary><c>GET /moa/state</c>: requests, memory and counts.</summary>
    public static Task StateAsync(HttpContext context, ServedModel served) => JsonResponse.WriteAsync(context, served, static (json, served) =>
    {
        (ServiceState state, ServiceOptions options, LanguageModel model) = (served.Service.State, served.Service.Options, served.Service.Model);
        json.WriteStartObject();
        json.WriteString("model", served.Name);
        json.WriteString("policy", options.Policy.FullName);
        json.WriteNumber("contextLength", served.ContextLength);
        json.WriteNumber("layers", model.Layers);
        json.WriteNumber("keyValueHeads", model.KeyValueHeads);
        json.WriteBoolean("isStopping", served.IsStopping || state.IsStopping);
        json.WriteNumber("running", state.Running);
        json.WriteNumber("waiting", state.Waiting);
        json.WriteNumber("maxSequences", options.MaxSequences);
        json.WriteNumber("queueLength", options.QueueLength);
        json.WriteNumber("defaultNewTokens", options.DefaultNewTokens);
        json.WriteNumber("cacheBytes", state.CacheBytes);
        json.WriteNumber("cacheLimit", state.CacheLimit);
        json.WriteNumber("peakCacheBytes", state.PeakCacheBytes);
        json.WriteNumber("prefixes", state.Prefixes);
        json.WriteNumber("prefixBytes", state.PrefixBytes);
        json.WriteNumber("ended", state.Ended);
        json.WriteNumber("cancelled", state.Cancelled);
        json.WriteNumber("refused", state.Refused);
        json.WriteNumber("promptTokens", state.PromptTokens);
        json.WriteNumber("cachedTokens", state.CachedTokens);
        json.WriteNumber("newTokens", state.NewTokens);
        json.WriteNumber("newTokensPerSecond", Math.Round(state.NewTokensPerSecond, 3));
        json.WriteEndObject();
    });

    /// <summary><c>GET /moa/rows?tokens=N&amp;capacity=N</c>: rows that each head keeps, by layer.</summary>
    public static Task RowsAsync(HttpContext context, ServedModel served)
    {
        int tokens = ReadNumber(context, "tokens", served), capacity = Math.Max(ReadNumber(context, "capacity", served), tokens);
        return JsonResponse.WriteAsync(context, (tokens, capacity, rows: served.Service.RowsKept(tokens, capacity)), static (json, it) =>
        {
            json.WriteStartObject();
            json.WriteNumber("tokens", it.tokens);
            json.WriteNumber("capacity", it.capacity);
            json.WriteStartArray("rows");
            foreach (int[] layer in it.rows)
            {
                json.WriteStartArray();
                foreach (int rows in layer)
                    json.WriteNumberValue(rows);
                json.WriteEndArray();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static int ReadNumber(HttpContext context, string name, ServedModel served)
    {
        string text = context.Request.Query[name].ToString();
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= served.ContextLength
            ? number
            : throw ApiException.BadRequest(string.Create(CultureInfo.InvariantCulture, $"{name}: expected a whole number from 1 to {served.ContextLength}"), name);
    }

    private static void WriteStatus(Utf8JsonWriter json, string status)
    {
        json.WriteStartObject();
        json.WriteString("status", status);
        json.WriteEndObject();
    }
}
