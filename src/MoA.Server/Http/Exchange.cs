using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace MoA.Server.Http;

/// <summary>One request with a JSON body, and what its answer needs.</summary>
internal sealed class Exchange : IDisposable
{
    private readonly JsonDocument _body;
    private readonly CancellationTokenSource _end;

    private Exchange(HttpContext context, ServedModel served, JsonDocument body, CancellationTokenSource end)
    {
        Context = context;
        Served = served;
        _body = body;
        _end = end;
        Body = new JsonInput(body.RootElement, "");
    }

    public HttpContext Context { get; }

    public ServedModel Served { get; }

    public JsonInput Body { get; }

    /// <summary>Ends when the caller has gone, or the request has taken as long as any may.</summary>
    public CancellationToken Cancellation => _end.Token;

    /// <summary>The request's id, for answers and for the log.</summary>
    public string Id => Context.TraceIdentifier;

    /// <summary>Whether the answer is to come as a stream of events.</summary>
    public bool Streams => Body["stream"].AsOptionalBoolean() ?? false;

    /// <summary>Reads the request's body and answers it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="served">The model.</param>
    /// <param name="isForText">Whether a text is asked for, of which only so many are written at one time.</param>
    /// <param name="answer">Answers it.</param>
    public static async Task RunAsync(HttpContext context, ServedModel served, bool isForText, Func<Exchange, Task> answer)
    {
        if (isForText)
            served.Enter();
        try
        {
            using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            end.CancelAfter(served.Options.LongestRequest);
            try
            {
                using Exchange exchange = new(context, served, await JsonBody.ReadAsync(context, served.Options.MaxBodyBytes, end.Token), end);
                served.CheckName(exchange.Body);
                await answer(exchange);
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
            {
                throw TookTooLong(served);
            }
        }
        finally
        {
            if (isForText)
                served.Leave();
        }
    }

    /// <summary>What the caller is told of a failure once the answer has begun; null if there is nobody to tell.</summary>
    public ApiException? Explain(Exception failure)
    {
        if (Context.RequestAborted.IsCancellationRequested)
            return null;
        if (failure is OperationCanceledException)
            return Cancellation.IsCancellationRequested ? TookTooLong(Served) : ApiException.Stopping();
        return ApiException.From(failure, Served) ?? RequestPipeline.Internal(Served, Id, failure);
    }

    public Task RespondAsync<TState>(TState state, Action<Utf8JsonWriter, TState> write) => JsonResponse.WriteAsync(Context, state, write);

    public void Dispose() => _body.Dispose();

    private static ApiException TookTooLong(ServedModel served) =>
        new(504, $"the request took longer than {served.Options.LongestRequest.TotalSeconds:0.###} seconds", code: "timeout");
}
