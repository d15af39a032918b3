using System.Text.Json;
using MoA.Serving;

namespace MoA.Server.OpenAI;

/// <summary>What requests took, as OpenAI says it, and what only this engine has to say.</summary>
internal static class UsageJson
{
    /// <summary>Several answers to one prompt, or to several: prompts are counted once each.</summary>
    /// <param name="choices">What each answer took, by prompt and by choice.</param>
    /// <param name="perPrompt">Answers to each prompt.</param>
    public static Usage Total(IReadOnlyList<Usage> choices, int perPrompt)
    {
        if (choices.Count == 1)
            return choices[0];
        Usage first = choices[0];
        return new Usage(
            choices.Where((_, i) => i % perPrompt == 0).Sum(usage => usage.PromptTokens),
            choices.Where((_, i) => i % perPrompt == 0).Sum(usage => usage.CachedTokens),
            choices.Sum(usage => usage.NewTokens),
            choices.Sum(usage => usage.CacheBytes),
            choices.Average(usage => usage.Density),
            first.Waited, first.FirstToken, choices.Max(usage => usage.Total))
        {
            PeakCacheBytes = choices.Sum(usage => usage.PeakCacheBytes),
            ReasoningTokens = choices.Sum(usage => usage.ReasoningTokens),
        };
    }

    /// <summary><c>"usage":{…}</c>.</summary>
    public static void WriteUsage(Utf8JsonWriter json, Usage usage)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", usage.PromptTokens);
        json.WriteNumber("completion_tokens", usage.NewTokens);
        json.WriteNumber("total_tokens", usage.PromptTokens + usage.NewTokens);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", usage.CachedTokens);
        json.WriteEndObject();
        json.WriteStartObject("completion_tokens_details");
        json.WriteNumber("reasoning_tokens", usage.ReasoningTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary><c>"moa":{"kvBytes":…,"density":…,"cachedTokens":…,…}</c>.</summary>
    public static void WriteOwn(Utf8JsonWriter json, Usage usage)
    {
        json.WriteStartObject("moa");
        json.WriteNumber("kvBytes", usage.CacheBytes);
        json.WriteNumber("peakKvBytes", usage.PeakCacheBytes);
        json.WriteNumber("density", Math.Round(usage.Density, 6));
        json.WriteNumber("cachedTokens", usage.CachedTokens);
        json.WriteNumber("waitedSeconds", Math.Round(usage.Waited.TotalSeconds, 6));
        json.WriteNumber("firstTokenSeconds", Math.Round(usage.FirstToken.TotalSeconds, 6));
        json.WriteNumber("totalSeconds", Math.Round(usage.Total.TotalSeconds, 6));
        json.WriteString("readAgain", usage.ReadAgain);
        json.WriteEndObject();
    }

    /// <summary><c>"moa":{"promptTokens":…}</c>, before the first token.</summary>
    public static void WriteOwn(Utf8JsonWriter json, int promptTokens)
    {
        json.WriteStartObject("moa");
        json.WriteNumber("promptTokens", promptTokens);
        json.WriteEndObject();
    }
}
