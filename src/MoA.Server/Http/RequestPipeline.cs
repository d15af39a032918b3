using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace MoA.Server.Http;

/// <summary>What every request goes through before its route: who may ask, and what becomes of failures.</summary>
internal sealed class RequestPipeline(ServedModel served, bool isLoopback)
{
    private readonly byte[]? _key = served.Options.ApiKey is string key ? Hash(key) : null;
    private readonly HashSet<string> _hosts = new(served.Options.AllowedHosts, StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds itself to an application.</summary>
    public void Use(IApplicationBuilder app)
    {
        app.Use(AnswerFailuresAsync);
        if (isLoopback)
            app.Use(CheckHostAsync);
        if (served.Options.AllowedOrigins.Count > 0)
            app.UseCors();
        if (_key is not null)
            app.Use(CheckKeyAsync);
    }

    /// <summary>The answer to a failure that is the server's own; the log has more.</summary>
    public static ApiException Internal(ServedModel served, string requestId, Exception failure)
    {
        served.Options.Log?.Invoke($"{requestId}: {failure.ToString().ReplaceLineEndings(" ")}");
        return new ApiException(500, $"internal error; the server's log has more under {requestId}", code: "internal_error");
    }

    private async Task AnswerFailuresAsync(HttpContext context, RequestDelegate next)
    {
        context.TraceIdentifier = $"req_{Guid.NewGuid():N}";
        IHeaderDictionary headers = context.Response.Headers;
        headers["X-Request-Id"] = context.TraceIdentifier;
        headers["Request-Id"] = context.TraceIdentifier;
        headers.XContentTypeOptions = "nosniff";
        ApiException error;
        try
        {
            await next(context);
            if (context.Response.HasStarted || context.Response.StatusCode < 400 || context.Response.ContentType is not null)
                return;
            error = OfStatus(context);
        }
        catch (Exception failure)
        {
            if (context.RequestAborted.IsCancellationRequested)
                return;
            error = ApiException.From(failure, served) ?? Internal(served, context.TraceIdentifier, failure);
        }

        if (context.Response.HasStarted)
            context.Abort();
        else
            await ErrorJson.RespondAsync(context, error);
    }

    private static ApiException OfStatus(HttpContext context)
    {
        (string method, PathString path) = (context.Request.Method, context.Request.Path);
        return context.Response.StatusCode switch
        {
            404 => new(404, $"there is no {Shown(path.Value)}; /openapi/v1.json lists the routes", code: "not_found"),
            405 => new(405, $"{Shown(path.Value)} does not take {Shown(method)}; expected {context.Response.Headers.Allow}", code: "method_not_allowed"),
            int status => new(status, "the request cannot be answered"),
        };
    }

    // A page whose name was made to point at this machine shows the name it was loaded by; who shows none (HTTP/1.0) is no browser.
    private Task CheckHostAsync(HttpContext context, RequestDelegate next)
    {
        string host = context.Request.Host.Host.TrimEnd('.');
        bool isKnown = host.Length == 0 || host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || _hosts.Contains(host) ||
            (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));
        return isKnown
            ? next(context)
            : throw new ApiException(403, $"the host '{Shown(host)}' is not this machine's loopback; expected localhost, or start the server with --allowed-host");
    }

    private Task CheckKeyAsync(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<OpenToAll>() is not null)
            return next(context);
        const string Scheme = "Bearer ";
        string authorization = context.Request.Headers.Authorization.ToString();
        string? shown = authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? authorization[Scheme.Length..].Trim()
            : context.Request.Headers["x-api-key"] is { Count: 1 } header ? header.ToString().Trim() : null;
        if (shown is null)
            throw new ApiException(401, "no API key was given; send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'", code: "missing_api_key");
        return CryptographicOperations.FixedTimeEquals(Hash(shown), _key)
            ? next(context)
            : throw new ApiException(401, "the API key is not the right one", code: "invalid_api_key");
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    private static string Shown(string? text) => text is { Length: > 100 } ? string.Concat(text.AsSpan(0, 100), "…") : text ?? "";
}
