using MoA.Engine.Generation;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Server.Http;

/// <summary>What all routes do with what they asked the service for.</summary>
internal static class Replies
{
    /// <summary>
    /// Waits until prompts are read, so that a refusal is still a status of its own; but no longer than a stream may be silent.
    /// </summary>
    public static async Task AwaitStartAsync(Exchange exchange, IEnumerable<Task> started)
    {
        try
        {
            await Task.WhenAll(started).WaitAsync(exchange.Served.Options.PingInterval, exchange.Cancellation);
        }
        catch (TimeoutException)
        {
            // It goes on waiting, and pings say so.
        }
    }

    /// <summary>An answer that came to its end; one that was cut off from inside is an error.</summary>
    public static ChatOutcome Ended(ChatOutcome outcome) => outcome.Finish == ChatFinish.Cancelled ? throw ApiException.Stopping() : outcome;

    /// <summary>A text that came to its end; one that was cut off from inside is an error.</summary>
    public static GenerationOutcome Ended(GenerationOutcome outcome) => outcome.Finish == FinishReason.Cancelled ? throw ApiException.Stopping() : outcome;

    /// <summary>OpenAI's word for why an answer ended.</summary>
    public static string FinishWord(ChatFinish finish) => finish switch
    {
        ChatFinish.Length => "length",
        ChatFinish.ToolCalls => "tool_calls",
        _ => "stop",
    };
}
