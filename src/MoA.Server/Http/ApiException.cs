using Microsoft.AspNetCore.Http;
using MoA.Engine;
using MoA.Serving;

namespace MoA.Server.Http;

/// <summary>A request that is answered with an error. The message is for the caller: one line, nothing of the inside.</summary>
internal sealed class ApiException(int status, string message, string? parameter = null, string? code = null) : Exception(Shorten(message))
{
    // A message may quote what was sent, which may be long; how it begins and how it ends says enough.
    private const int LongestMessage = 800;

    /// <summary>The HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>Where in the request the error is, as in <c>messages[2].content</c>.</summary>
    public string? Parameter { get; } = parameter is null ? null : Shorten(parameter);

    /// <summary>OpenAI's name for it.</summary>
    public string? Code { get; } = code;

    /// <summary>After how many seconds it is worth another try.</summary>
    public int? RetryAfter { get; init; }

    public static ApiException BadRequest(string message, string? parameter = null, string? code = null) => new(400, message, parameter, code);

    public static ApiException Stopping() => new(503, "the server is being stopped", code: "stopping") { RetryAfter = 5 };

    /// <summary>The answer to a failure, or null for one that the caller can do nothing about.</summary>
    /// <param name="failure">What happened.</param>
    /// <param name="served">Whose path is nobody's business.</param>
    public static ApiException? From(Exception failure, ServedModel served) => failure switch
    {
        ApiException known => known,
        RequestRefusedException refused => Refused(refused),
        InvalidInputException invalid => BadRequest(OneLine(invalid.Message, served)),
        BadHttpRequestException { StatusCode: 408 } => new(408, "the body came too slowly"),
        BadHttpRequestException bad => new(bad.StatusCode, "the body is not what its headers say, or ended early"),
        ObjectDisposedException when served.IsStopping => Stopping(),
        OutOfMemoryException => new(503, "there is not enough memory", code: "out_of_memory") { RetryAfter = 5 },
        _ => null,
    };

    private static ApiException Refused(RequestRefusedException refused) => refused.Reason switch
    {
        RefusalReason.ContextTooLong => BadRequest(refused.Message, code: "context_length_exceeded"),
        RefusalReason.NeverFits => BadRequest(refused.Message, code: "kv_memory_exceeded"),
        RefusalReason.QueueFull => new(429, refused.Message, code: "queue_full") { RetryAfter = 1 },
        RefusalReason.WaitedTooLong => new(503, refused.Message, code: "waited_too_long") { RetryAfter = 5 },
        RefusalReason.Unavailable => new(503, refused.Message, code: "unavailable") { RetryAfter = 5 },
        _ => Stopping(),
    };

    private static string OneLine(string message, ServedModel served) =>
        message.Replace(served.Service.Model.Path, served.Name, StringComparison.Ordinal).ReplaceLineEndings(" ").Trim();

    private static string Shorten(string text) => text.Length <= LongestMessage
        ? text
        : $"{text.AsSpan(0, LongestMessage / 2)}…{text.AsSpan(text.Length - (LongestMessage / 2))}";
}
