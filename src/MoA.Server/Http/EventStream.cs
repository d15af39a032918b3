using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace MoA.Server.Http;

/// <summary>
/// An answer as server-sent events. Several writers may send; events never mix. While nothing is sent, pings are, and a caller that leaves
/// what was sent unread for too long is cut off.
/// </summary>
internal sealed class EventStream : IAsyncDisposable
{
    private readonly HttpContext _context;
    private readonly PipeWriter _output;
    private readonly TimeSpan _longestStall;
    private readonly TimeSpan _pingInterval;
    private readonly byte[] _ping;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Utf8JsonWriter _json;
    private readonly CancellationTokenSource _end;
    private readonly Task _pings;
    private long _lastSent = Environment.TickCount64;

    private EventStream(HttpContext context, ServerOptions options, string ping, CancellationToken cancellation)
    {
        _context = context;
        _output = context.Response.BodyWriter;
        _longestStall = options.LongestStall;
        _pingInterval = options.PingInterval;
        _ping = Encoding.UTF8.GetBytes(ping);
        _json = new Utf8JsonWriter(_output, JsonResponse.Options);
        _end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _pings = PingAsync();
    }

    /// <summary>Begins the answer; from here on errors are events.</summary>
    /// <param name="context">The request.</param>
    /// <param name="options">How long to be silent and to wait.</param>
    /// <param name="ping">What is sent as a sign of life, whole; by default a comment, which clients pass over.</param>
    /// <param name="cancellation">Ends the pings.</param>
    public static async Task<EventStream> StartAsync(
        HttpContext context, ServerOptions options, CancellationToken cancellation, string ping = ": ping\n\n")
    {
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await context.Response.StartAsync(cancellation);
        return new EventStream(context, options, ping, cancellation);
    }

    /// <summary>Sends an event whose data is one JSON document.</summary>
    /// <param name="name">The event's name, where clients go by it.</param>
    /// <param name="state">What the document is of.</param>
    /// <param name="write">Writes the document.</param>
    public async ValueTask SendAsync<TState>(string? name, TState state, Action<Utf8JsonWriter, TState> write)
    {
        await _turn.WaitAsync(_context.RequestAborted);
        try
        {
            if (name is not null)
                Write($"event: {name}\n");
            Write("data: "u8);
            write(_json, state);
            _json.Flush();
            _json.Reset();
            Write("\n\n"u8);
            await FlushAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Sends <c>data: [DONE]</c>, which ends OpenAI's streams.</summary>
    public ValueTask SendDoneAsync() => SendAsync("data: [DONE]\n\n"u8.ToArray());

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _pings;
        await _json.DisposeAsync();
        _end.Dispose();
        _turn.Dispose();
    }

    private async ValueTask SendAsync(byte[] bytes)
    {
        await _turn.WaitAsync(_context.RequestAborted);
        try
        {
            Write(bytes);
            await FlushAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task PingAsync()
    {
        try
        {
            while (true)
            {
                TimeSpan silent = TimeSpan.FromMilliseconds(Environment.TickCount64 - _lastSent);
                if (silent >= _pingInterval)
                    await SendAsync(_ping);
                else
                    await Task.Delay(_pingInterval - silent + TimeSpan.FromMilliseconds(1), _end.Token);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or IOException)
        {
            // The answer has ended, or nobody listens any more, which whoever writes it learns too.
        }
    }

    private void Write(string text) => Encoding.UTF8.GetBytes(text, _output);

    private void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_output.GetSpan(bytes.Length));
        _output.Advance(bytes.Length);
    }

    private async ValueTask FlushAsync()
    {
        _lastSent = Environment.TickCount64;
        ValueTask<FlushResult> flush = _output.FlushAsync(CancellationToken.None);
        if (flush.IsCompletedSuccessfully)
        {
            _ = flush.Result;
        }
        else
        {
            try
            {
                _ = await flush.AsTask().WaitAsync(_longestStall, _context.RequestAborted);
            }
            catch (TimeoutException)
            {
                _context.Abort();
                throw new OperationCanceledException("The caller does not read.");
            }
        }

        _context.RequestAborted.ThrowIfCancellationRequested();
    }
}
