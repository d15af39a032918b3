using System.Net;
using System.Net.Http.Headers;
using System.Text;
using MoA.Engine;

namespace MoA.Evaluation.Alpaca;

/// <summary>
/// An OpenAI-compatible endpoint. What may pass (no connection, no answer in time, too many requests, a fault of the server) is
/// tried again after a wait; what does not, or does not pass, is an <see cref="IOException"/> of one line.
/// </summary>
internal sealed class JudgeEndpoint : IDisposable
{
    private const int MostAnswerBytes = 16 << 20;

    private static readonly TimeSpan[] Waits = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5)];
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly HttpClient _client;
    private readonly Uri _address;
    private readonly Action<TimeSpan, CancellationToken> _wait;

    /// <summary>An endpoint.</summary>
    /// <param name="url">Its base.</param>
    /// <param name="key">The key that is sent; null or empty for none.</param>
    /// <param name="handler">Sends the requests; becomes the endpoint's.</param>
    /// <param name="timeout">How long an answer may take.</param>
    /// <param name="wait">Waits between two tries; null for the real time.</param>
    /// <exception cref="InvalidInputException">The URL is none, or the key cannot be sent.</exception>
    public JudgeEndpoint(string url, string? key, HttpMessageHandler handler, TimeSpan timeout, Action<TimeSpan, CancellationToken>? wait)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (!Uri.TryCreate(url.TrimEnd('/') + "/chat/completions", UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https"))
            throw new InvalidInputException($"--judge {url}: expected the base of an OpenAI-compatible endpoint, such as http://localhost:8080/v1");
        _address = address;
        _wait = wait ?? ((time, cancellation) => cancellation.WaitHandle.WaitOne(time));
        _client = new HttpClient(handler) { Timeout = timeout, MaxResponseContentBufferSize = MostAnswerBytes };
        if (string.IsNullOrWhiteSpace(key))
            return;
        if (key.Trim().Any(letter => letter is <= ' ' or > '~'))
            throw new InvalidInputException("the judge's key holds characters that no key has; expected one word");
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Trim());
    }

    /// <summary>Posts JSON and gives the answer's text.</summary>
    /// <exception cref="IOException">There is no good answer.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled from here.</exception>
    public string Post(byte[] body, CancellationToken cancellation)
    {
        for (int attempt = 0; ; attempt++)
        {
            (string? text, Fault? fault) = Try(body, cancellation);
            if (text is not null)
                return text;
            if (!fault!.MayPass || attempt == Waits.Length)
                throw new IOException($"{_address}: {fault.Message}{(attempt > 0 ? $" ({attempt + 1} tries)" : "")}; the judgements so far are kept, run the command again to go on");
            TimeSpan wait = fault.RetryAfter ?? Waits[attempt];
            _wait(wait < LongestWait ? wait : LongestWait, cancellation);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    /// <summary>The beginning of a text in one line.</summary>
    public static string Shortened(string text) => (text.Length <= 200 ? text : $"{text[..200]}…").ReplaceLineEndings(" ");

    private (string? Text, Fault? Fault) Try(byte[] body, CancellationToken cancellation)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, _address)
        {
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        try
        {
            using HttpResponseMessage response = _client.Send(request, cancellation);
            using StreamReader reader = new(response.Content.ReadAsStream(cancellation), Encoding.UTF8);
            string text = reader.ReadToEnd();
            return response.IsSuccessStatusCode ? (text, null) : (null, new Fault(
                $"the judge answered {(int)response.StatusCode}: {Shortened(text)}", MayPass(response.StatusCode), RetryAfter(response)));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (null, new Fault($"the judge gave no answer within {_client.Timeout.TotalSeconds:0.###} seconds", true, null));
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException)
        {
            return (null, new Fault($"the judge cannot be reached ({failure.Message.TrimEnd('.')})", true, null));
        }
    }

    private static bool MayPass(HttpStatusCode status) => status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || (int)status >= 500;

    private static TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: TimeSpan delta } => delta,
        { Date: DateTimeOffset date } => date - DateTimeOffset.UtcNow is { Ticks: > 0 } wait ? wait : TimeSpan.Zero,
        _ => null,
    };

    private sealed record Fault(string Message, bool MayPass, TimeSpan? RetryAfter);
}
