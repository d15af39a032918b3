using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace MoA.Server.Http;

/// <summary>
/// Reads the JSON object of a request. What two programs could read differently is refused: keys that stand twice, invalid UTF-8, halves of
/// surrogate pairs.
/// </summary>
internal static class JsonBody
{
    private const int MaxDepth = 128;

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    /// <summary>Reads the body to its end.</summary>
    /// <param name="context">The request.</param>
    /// <param name="most">Most bytes that it may have.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="ApiException">It is no JSON object, is not called JSON, or is too large.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpContext context, long most, CancellationToken cancellation)
    {
        CheckHeaders(context.Request);
        return Parse(await ReadBytesAsync(context.Request, most, cancellation));
    }

    /// <summary>Parses a body.</summary>
    /// <exception cref="ApiException">It is no JSON object.</exception>
    internal static JsonDocument Parse(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Span.StartsWith("\uFEFF"u8))
            bytes = bytes[3..];
        if (bytes.Span.Trim(" \t\r\n"u8).IsEmpty)
            throw ApiException.BadRequest("the body is empty; expected a JSON object");
        if (!Utf8.IsValid(bytes.Span))
            throw ApiException.BadRequest("the body is not valid UTF-8");
        try
        {
            CheckTexts(bytes.Span);
            JsonDocument document = JsonDocument.Parse(bytes, Options);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;
            document.Dispose();
        }
        catch (JsonException broken)
        {
            throw ApiException.BadRequest($"the body is not valid JSON: {Describe(broken)}", code: "invalid_json");
        }
        catch (InvalidOperationException)
        {
            throw ApiException.BadRequest("the body is not valid JSON: a text holds half of a surrogate pair (\\ud800 to \\udfff)", code: "invalid_json");
        }

        throw ApiException.BadRequest("the body is valid JSON but not an object; expected {…}");
    }

    // Scripts in pages may send anything but JSON to other origins without asking first, so nothing else is taken.
    private static void CheckHeaders(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type) ||
            !(type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) ||
              (type.Type.Equals("application", StringComparison.OrdinalIgnoreCase) && type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase))))
        {
            throw new ApiException(415, $"the content type is {(string.IsNullOrEmpty(request.ContentType) ? "missing" : "another")}; expected application/json");
        }

        if (type.Charset.HasValue && !HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            throw new ApiException(415, "the body's character set is another; expected utf-8");
        if (request.Headers.ContentEncoding is { Count: > 0 } encoding && !string.Equals(encoding.ToString(), "identity", StringComparison.OrdinalIgnoreCase))
            throw new ApiException(415, "the body is compressed; expected it as it is");
    }

    private static async Task<ReadOnlyMemory<byte>> ReadBytesAsync(HttpRequest request, long most, CancellationToken cancellation)
    {
        if (request.ContentLength > most)
            throw TooLarge(most);
        // What the header promises is not believed further than this before it has come.
        ArrayBufferWriter<byte> bytes = new((int)Math.Clamp(request.ContentLength ?? 4096, 256, 1 << 20));
        int read;
        try
        {
            while ((read = await request.Body.ReadAsync(bytes.GetMemory(4096), cancellation)) > 0)
            {
                bytes.Advance(read);
                if (bytes.WrittenCount > most)
                    throw TooLarge(most);
            }
        }
        catch (Exception broken) when (broken is InvalidOperationException or IOException and not BadHttpRequestException)
        {
            // Kestrel's words for trailers that are no ASCII, and for the size of a chunk that is no number of 32 bits.
            throw new BadHttpRequestException("The body is malformed.", broken);
        }

        return bytes.WrittenMemory;
    }

    private static ApiException TooLarge(long most) => new(413, $"the body is larger than {most} bytes");

    private static void CheckTexts(ReadOnlySpan<byte> bytes)
    {
        Utf8JsonReader reader = new(bytes, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                _ = reader.GetString();
        }
    }

    private static string Describe(JsonException broken)
    {
        string message = broken.Message.ReplaceLineEndings(" ");
        int place = message.IndexOf(" Path:", StringComparison.Ordinal);
        if (place < 0)
            place = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        string what = place < 0 ? message : message[..place];
        return what.Length > 200 ? string.Concat(what.AsSpan(0, 200), "…") : what.TrimEnd('.', ' ');
    }
}
