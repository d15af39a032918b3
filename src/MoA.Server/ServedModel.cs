using MoA.Engine.Tokenization;
using MoA.Server.Http;
using MoA.Serving;

namespace MoA.Server;

/// <summary>The one model of a server, as its routes see it.</summary>
internal sealed class ServedModel
{
    private int _running;

    public ServedModel(IModelService service, ServerOptions options)
    {
        Service = service;
        Options = options;
        Name = options.Aliases.Count > 0 ? options.Aliases[0] : service.Name;
        Names = [.. options.Aliases.Append(service.Name).Append(service.Model.Name).Distinct()];
    }

    public IModelService Service { get; }

    public ServerOptions Options { get; }

    /// <summary>What answers call it.</summary>
    public string Name { get; }

    /// <summary>All names that requests may call it by.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>When it began to be served, in seconds of Unix time.</summary>
    public long Created { get; } = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    /// <summary>Most tokens of prompt and answer together that are ever taken.</summary>
    public int ContextLength => Service.ContextLength;

    /// <summary>Whether the server takes no more requests.</summary>
    public bool IsStopping { get; set; }

    public Tokenizer Tokenizer => Service.Model.Tokenizer ??
        throw ApiException.BadRequest($"{Name} has no tokenizer; it takes tokens, at /v1/completions");

    /// <summary>Refuses a request that means another model.</summary>
    public void CheckName(JsonInput body)
    {
        if (body["model"].AsOptionalText("a model's name") is { Length: > 0 } asked && !Names.Contains(asked))
        {
            throw new ApiException(
                404, $"the model '{asked}' is not served here; expected {string.Join(" or ", Names.Select(name => $"'{name}'"))}", "model", "model_not_found");
        }
    }

    /// <summary>Takes one of the places for requests that write texts.</summary>
    /// <exception cref="ApiException">All are taken, or the server is being stopped.</exception>
    public void Enter()
    {
        if (IsStopping)
            throw ApiException.Stopping();
        if (Interlocked.Increment(ref _running) <= Options.MaxConcurrentRequests)
            return;
        Leave();
        throw new ApiException(429, $"{Options.MaxConcurrentRequests} requests are being answered already", code: "too_many_requests") { RetryAfter = 1 };
    }

    /// <summary>Gives the place back.</summary>
    public void Leave() => Interlocked.Decrement(ref _running);
}
