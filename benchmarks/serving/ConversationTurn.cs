using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace MoA.Serving.Benchmarks;

/// <summary>A turn of a conversation, streamed from <c>/v1/chat/completions</c> of one server after another until one has answered it.</summary>
internal sealed class ConversationTurn
{
    private const int MostTries = 60;

    private ConversationTurn(string key) => Key = key;

    /// <summary>Which conversation and turn.</summary>
    public string Key { get; }

    /// <summary>The answer; null if there is none.</summary>
    public string? Text { get; private set; }

    /// <summary>What went wrong on the way, in a few words each.</summary>
    public List<string> Errors { get; } = [];

    public int PromptTokens { get; private set; }

    public int CachedTokens { get; private set; }

    /// <summary>Why it was read again, if it was.</summary>
    public string? ReadAgain { get; private set; }

    /// <summary>Seconds from the first try to the first text.</summary>
    public double FirstSeconds { get; private set; } = double.NaN;

    /// <summary>Seconds between two pieces of text, at most.</summary>
    public double LongestGap { get; private set; }

    /// <summary>Asks until there is an answer.</summary>
    public static async Task<ConversationTurn> AskAsync(
        ReadyServers servers, string key, IReadOnlyList<(string Role, string Text)> messages, int newTokens, int seed, bool mayTryAgain)
    {
        ConversationTurn turn = new(key);
        string body = JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["messages"] = messages.Select(message => new Dictionary<string, string> { ["role"] = message.Role, ["content"] = message.Text }).ToArray(),
            ["max_tokens"] = newTokens,
            ["temperature"] = seed / 100 % 2 == 0 ? 0 : 3.0,
            ["seed"] = seed,
            ["stream"] = true,
            ["stream_options"] = new Dictionary<string, bool> { ["include_usage"] = true },
        });
        long start = Stopwatch.GetTimestamp();
        for (int attempt = 0; attempt < (mayTryAgain ? MostTries : 1); attempt++)
        {
            string? error;
            try
            {
                error = await turn.ReadAsync(await servers.AnyAsync(), body, start);
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException)
            {
                error = "the connection broke";
            }

            if (error is null)
                return turn;
            turn.Errors.Add(error);
            await Task.Delay(500);
        }

        return turn;
    }

    private async Task<string?> ReadAsync(HttpClient http, string body, long start)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, "v1/chat/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (!response.IsSuccessStatusCode)
        {
            using JsonDocument error = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            JsonElement told = error.RootElement.GetProperty("error");
            await Console.Error.WriteLineAsync($"{Key}: {told.GetProperty("message")}");
            return $"{(int)response.StatusCode} {told.GetProperty("code")}";
        }

        StringBuilder text = new();
        long last = 0;
        using StreamReader reader = new(await response.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is string line)
        {
            if (!line.StartsWith("data: ", StringComparison.Ordinal))
                continue;
            if (line == "data: [DONE]")
            {
                Text = text.ToString();
                return null;
            }

            using JsonDocument chunk = JsonDocument.Parse(line.AsMemory(6));
            if (chunk.RootElement.TryGetProperty("error", out JsonElement failure))
                return $"event {failure.GetProperty("code")}";
            if (!Take(chunk.RootElement, text))
                continue;
            long now = Stopwatch.GetTimestamp();
            if (last == 0)
                FirstSeconds = Stopwatch.GetElapsedTime(start, now).TotalSeconds;
            else
                LongestGap = Math.Max(LongestGap, Stopwatch.GetElapsedTime(last, now).TotalSeconds);
            last = now;
        }

        return "the stream broke off";
    }

    // Whether the chunk brought text.
    private bool Take(JsonElement chunk, StringBuilder text)
    {
        if (chunk.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object)
            (PromptTokens, CachedTokens) = (usage.GetProperty("prompt_tokens").GetInt32(), usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32());
        if (chunk.TryGetProperty("moa", out JsonElement own) && own.TryGetProperty("readAgain", out JsonElement why) && why.ValueKind == JsonValueKind.String)
            ReadAgain = why.GetString();
        if (chunk.GetProperty("choices").GetArrayLength() == 0)
            return false;
        string piece = chunk.GetProperty("choices")[0].GetProperty("delta").TryGetProperty("content", out JsonElement content) ? content.GetString() ?? "" : "";
        _ = text.Append(piece);
        return piece.Length > 0;
    }
}
