using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace MoA.Server.Http;

/// <summary>Errors as clients expect them: in Anthropic's form on its routes, in OpenAI's on all others.</summary>
internal static class ErrorJson
{
    /// <summary>Whether a path is answered in Anthropic's form.</summary>
    public static bool IsAnthropic(PathString path) => path.StartsWithSegments("/v1/messages", StringComparison.OrdinalIgnoreCase);

    /// <summary>Answers with an error, in place of whatever was to be answered.</summary>
    public static async Task RespondAsync(HttpContext context, ApiException error)
    {
        HttpResponse response = context.Response;
        bool isHead = HttpMethods.IsHead(context.Request.Method);
        string? allow = response.Headers.Allow;
        foreach (string header in (string[])["Content-Type", "Content-Length", "Cache-Control"])
            response.Headers.Remove(header);
        response.StatusCode = error.Status;
        if (allow is not null)
            response.Headers.Allow = allow;
        if (error.RetryAfter is int seconds)
            response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (error.Status == StatusCodes.Status401Unauthorized)
            response.Headers.WWWAuthenticate = "Bearer";
        if (isHead)
            return;
        bool anthropic = IsAnthropic(context.Request.Path);
        string requestId = context.TraceIdentifier;
        await JsonResponse.WriteAsync(context, (error, anthropic, requestId), static (json, it) =>
        {
            if (it.anthropic)
                WriteAnthropic(json, it.error, it.requestId);
            else
                WriteOpenAI(json, it.error);
        });
    }

    /// <summary><c>{"error":{"message":…,"type":…,"param":…,"code":…}}</c>.</summary>
    public static void WriteOpenAI(Utf8JsonWriter json, ApiException error)
    {
        json.WriteStartObject();
        json.WritePropertyName("error");
        WriteOpenAIMembers(json, error);
        json.WriteEndObject();
    }

    /// <summary>What stands under <c>error</c>.</summary>
    public static void WriteOpenAIMembers(Utf8JsonWriter json, ApiException error)
    {
        json.WriteStartObject();
        json.WriteString("message", error.Message);
        json.WriteString("type", error.Status switch
        {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            >= 500 => "server_error",
            _ => "invalid_request_error",
        });
        json.WriteString("param", error.Parameter);
        json.WriteString("code", error.Code);
        json.WriteEndObject();
    }

    /// <summary><c>{"type":"error","error":{"type":…,"message":…,"details":{"error_code":…}},"request_id":…}</c>.</summary>
    public static void WriteAnthropic(Utf8JsonWriter json, ApiException error, string requestId)
    {
        json.WriteStartObject();
        json.WriteString("type", "error");
        json.WriteStartObject("error");
        json.WriteString("type", error.Status switch
        {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            503 => "overloaded_error",
            504 => "timeout_error",
            >= 500 => "api_error",
            _ => "invalid_request_error",
        });
        json.WriteString("message", error.Parameter is string where && !error.Message.StartsWith(where, StringComparison.Ordinal)
            ? $"{where}: {error.Message}"
            : error.Message);
        if (error.Code is not null)
        {
            json.WriteStartObject("details");
            json.WriteString("error_code", error.Code);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteString("request_id", requestId);
        json.WriteEndObject();
    }
}
