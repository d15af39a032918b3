using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace MoA.Serving.Benchmarks;

/// <summary>A stream of <c>/v1/completions</c>, as its reader saw it.</summary>
internal sealed class Completion
{
    /// <summary>Its text.</summary>
    public string Text { get; private set; } = "";

    /// <summary>Why it ended; null where it did not.</summary>
    public string? Finish { get; private set; }

    /// <summary>What went wrong, in a few words; null for a stream that came whole.</summary>
    public string? Error { get; private set; }

    /// <summary>Tokens written, and those of the prompt that were in kept caches.</summary>
    public (int New, int Cached) Tokens { get; private set; }

    /// <summary>Ticks (<see cref="Stopwatch"/>) at which the request was sent, and at which its tokens came.</summary>
    public long Sent { get; private set; }

    /// <inheritdoc cref="Sent"/>
    public List<long> Arrivals { get; } = [];

    /// <summary>Seconds from sending to the first token.</summary>
    public double FirstSeconds => Arrivals.Count > 0 ? Stopwatch.GetElapsedTime(Sent, Arrivals[0]).TotalSeconds : double.NaN;

    /// <summary>Seconds between tokens that came between two moments.</summary>
    public IEnumerable<double> Gaps(long from = 0, long to = long.MaxValue)
    {
        long[] arrivals = [.. Arrivals];
        for (int i = 1; i < arrivals.Length; i++)
        {
            if (arrivals[i - 1] >= from && arrivals[i] <= to)
                yield return Stopwatch.GetElapsedTime(arrivals[i - 1], arrivals[i]).TotalSeconds;
        }
    }

    /// <summary>Tokens a second after the first one.</summary>
    public double DecodeTokensPerSecond => (Tokens.New - 1) / Stopwatch.GetElapsedTime(Arrivals[0], Arrivals[^1]).TotalSeconds;

    /// <summary>Reads a stream to its end: the likeliest tokens.</summary>
    /// <param name="http">The server.</param>
    /// <param name="prompt">The prompt's tokens.</param>
    /// <param name="newTokens">Most tokens to write.</param>
    /// <param name="onPiece">Called after each piece; the next one is read when it has ended.</param>
    /// <param name="cancellation">Makes the client go.</param>
    public static Task<Completion> ReadAsync(
        HttpClient http, int[] prompt, int newTokens, Func<Completion, Task>? onPiece = null, CancellationToken cancellation = default) =>
        ReadAsync(http, $"[{string.Join(',', prompt)}]", newTokens, onPiece, cancellation);

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="http">The server.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="newTokens">Most tokens to write.</param>
    /// <param name="logProbabilities">Whether each token's is asked for; if not, tokens that have no text of their own come with a later one.</param>
    public static Task<Completion> ReadTextAsync(HttpClient http, string prompt, int newTokens, bool logProbabilities) =>
        ReadAsync(http, $"\"{JsonEncodedText.Encode(prompt)}\"", newTokens, null, default, logProbabilities);

    private static async Task<Completion> ReadAsync(
        HttpClient http, string prompt, int newTokens, Func<Completion, Task>? onPiece, CancellationToken cancellation, bool logProbabilities = true)
    {
        Completion completion = new();
        try
        {
            await completion.ReadAsync(http, $$$"""
                {"prompt":{{{prompt}}},"max_tokens":{{{newTokens}}},"temperature":0,"logprobs":{{{(logProbabilities ? "0" : "null")}}},"stream":true,"stream_options":{"include_usage":true}}
                """, onPiece, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            completion.Error = "gone";
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException)
        {
            completion.Error = failure.InnerException?.GetType().Name ?? failure.GetType().Name;
        }

        return completion;
    }

    private async Task ReadAsync(HttpClient http, string body, Func<Completion, Task>? onPiece, CancellationToken cancellation)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, "v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        Sent = Stopwatch.GetTimestamp();
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (!response.IsSuccessStatusCode)
        {
            using JsonDocument error = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancellation));
            Error = $"{(int)response.StatusCode} {error.RootElement.GetProperty("error").GetProperty("code")}";
            return;
        }

        StringBuilder text = new();
        using StreamReader reader = new(await response.Content.ReadAsStreamAsync(cancellation));
        Error = "no [DONE]";
        while (await reader.ReadLineAsync(cancellation) is string line)
        {
            if (!line.StartsWith("data: ", StringComparison.Ordinal))
                continue;
            if (line == "data: [DONE]")
            {
                Error = Finish is null ? "no finish reason" : null;
                break;
            }

            using JsonDocument chunk = JsonDocument.Parse(line.AsMemory(6));
            if (chunk.RootElement.TryGetProperty("error", out JsonElement failure))
            {
                Error = $"event {failure.GetProperty("code")}";
                break;
            }

            if (Take(chunk.RootElement, text) && onPiece is not null)
                await onPiece(this);
        }

        Text = text.ToString();
    }

    // Whether the chunk brought tokens.
    private bool Take(JsonElement chunk, StringBuilder text)
    {
        if (chunk.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object)
        {
            Tokens = (usage.GetProperty("completion_tokens").GetInt32(), usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32());
        }

        if (chunk.GetProperty("choices").GetArrayLength() == 0)
            return false;
        JsonElement choice = chunk.GetProperty("choices")[0];
        Finish = choice.GetProperty("finish_reason").GetString() ?? Finish;
        string piece = choice.GetProperty("text").GetString()!;
        _ = text.Append(piece);
        // Where they are asked for, tokens without a text of their own, as halves of characters, are seen too.
        int tokens = choice.GetProperty("logprobs") is { ValueKind: JsonValueKind.Object } known ? known.GetProperty("tokens").GetArrayLength() : piece.Length > 0 ? 1 : 0;
        long now = Stopwatch.GetTimestamp();
        for (int i = 0; i < tokens; i++)
            Arrivals.Add(now);
        return tokens > 0;
    }
}
