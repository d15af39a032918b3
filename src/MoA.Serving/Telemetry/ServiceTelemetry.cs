using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using MoA.Engine.Generation;

namespace MoA.Serving.Telemetry;

/// <summary>What one service tells of itself; its tags keep it apart from the others of the process.</summary>
internal sealed class ServiceTelemetry : IDisposable
{
    private static readonly ConcurrentDictionary<int, ServiceTelemetry> Living = [];
    private static int _count;

    private readonly ModelService _service;
    private readonly KeyValuePair<string, object?>[] _tags;

    public ServiceTelemetry(ModelService service)
    {
        _service = service;
        _tags = [new("gen_ai.request.model", service.Name), new(ServingTelemetry.InstanceTag, Instance)];
        _ = Instruments.Source; // makes the instruments, for those who listen already
        Living[Instance] = this;
    }

    /// <summary>The service's number.</summary>
    public int Instance { get; } = Interlocked.Increment(ref _count);

    /// <summary>The model's name.</summary>
    public string Model => _service.Name;

    /// <summary>A number of every service that lives.</summary>
    public static IEnumerable<Measurement<T>> Observe<T>(Func<ServiceState, T> read)
        where T : struct =>
        Living.Values.Select(living => new Measurement<T>(read(living._service.State), living._tags));

    /// <summary>Begins to watch a request, if anybody listens.</summary>
    /// <param name="operation">What is asked for: <c>chat</c> or <c>text_completion</c>.</param>
    /// <param name="maxNewTokens">Most new tokens, if the request says how many.</param>
    /// <param name="sampling">How tokens are drawn.</param>
    /// <param name="stop">Texts that end the output.</param>
    /// <param name="json">Whether the output has to be JSON.</param>
    public RequestTelemetry? Start(string operation, int? maxNewTokens, SamplingOptions sampling, IReadOnlyList<string> stop, bool json = false)
    {
        if (!Instruments.AreListenedTo)
            return null;
        TagList tags = new()
        {
            { "gen_ai.operation.name", operation },
            { "gen_ai.provider.name", "moa" },
            { "gen_ai.request.model", Model },
            { "gen_ai.response.model", Model },
            { ServingTelemetry.InstanceTag, Instance },
        };
        RequestTelemetry telemetry = new(tags, $"{operation} {Model}");
        telemetry.Describe(maxNewTokens, sampling, stop, json);
        return telemetry;
    }

    public void Dispose() => Living.TryRemove(Instance, out _);
}
