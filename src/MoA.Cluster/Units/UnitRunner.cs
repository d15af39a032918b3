using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MoA.Cluster.Members;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Search.Units;

namespace MoA.Cluster.Units;

/// <summary>
/// Computes units at this member, one after the other, on a thread of its own. The same unit asked for again is the one that is there, whoever asks;
/// one that nobody has asked for lately is dropped.
/// </summary>
internal sealed class UnitRunner : IMemberPart, IHostedService, IDisposable
{
    private readonly UnitOptions _options;
    private readonly UnitModelShelf _shelf;
    private readonly Dictionary<string, UnitJob> _jobs = [];
    private readonly Queue<UnitJob> _waiting = [];
    private readonly object _lock = new();
    private readonly Timer _sweep;
    private Thread? _thread;
    private UnitJob? _running;
    private bool _leaving, _closed;
    private long _done, _failed;

    /// <summary>A runner; nothing is opened until the first unit comes.</summary>
    public UnitRunner(UnitOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _shelf = new UnitModelShelf(options);
        TimeSpan often = options.Unasked / 4;
        _sweep = new Timer(_ => DropUnasked(), null, often, often);
    }

    /// <summary>Makes a member compute units.</summary>
    public static void AddTo(IServiceCollection services, UnitOptions options)
    {
        _ = services.AddSingleton(options).AddSingleton<UnitRunner>();
        _ = services.AddSingleton<IMemberPart>(provider => provider.GetRequiredService<UnitRunner>());
        // Added after the silo, it stops before it: what is under way can still be fetched.
        _ = services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<UnitRunner>());
    }

    /// <inheritdoc/>
    public MemberReport AddTo(MemberReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        lock (_lock)
        {
            return report with
            {
                Arithmetic = _options.Arithmetic,
                Models = _shelf.Loaded is MemberModel model ? [.. report.Models, model] : report.Models,
                Units = new UnitCounts { AreTaken = true, Running = _running is null ? 0 : 1, Waiting = _waiting.Count, Done = _done, Failed = _failed },
            };
        }
    }

    /// <summary>The reply to a question, after a few seconds at most.</summary>
    /// <param name="call">The question.</param>
    /// <param name="isLeaving">Whether the member takes nothing new.</param>
    public async Task<UnitReply> AskAsync(UnitCall call, bool isLeaving)
    {
        ArgumentNullException.ThrowIfNull(call);
        UnitJob? job;
        lock (_lock)
        {
            isLeaving |= _leaving || _closed;
            if (!_jobs.TryGetValue(call.Key, out job) && !isLeaving)
            {
                if (Refusal(call) is UnitReply refusal)
                    return refusal;
                _jobs[call.Key] = job = new UnitJob(call);
                _waiting.Enqueue(job);
                Start();
                Monitor.Pulse(_lock);
            }
            else if (job is not null && isLeaving && _waiting.Contains(job))
            {
                Remove(job);
                job = null;
            }

            if (job is null)
                return new UnitReply { State = UnitState.Leaving };
            job.LastAsked = Environment.TickCount64;
        }

        _ = await Task.WhenAny(job.Ended, Task.Delay(_options.Hold));
        return job.Reply;
    }

    /// <summary>A piece of a result, or null where the unit is not there any more.</summary>
    public byte[]? Read(string key, int offset)
    {
        lock (_lock)
        {
            if (!_jobs.TryGetValue(key, out UnitJob? job) || offset < 0 || offset >= job.Result.Length)
                return null;
            job.LastAsked = Environment.TickCount64;
            return job.Result.AsSpan(offset, Math.Min(IUnitGrain.PieceBytes, job.Result.Length - offset)).ToArray();
        }
    }

    /// <summary>Drops units, computed or not.</summary>
    public void Drop(IReadOnlyList<string> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        lock (_lock)
        {
            foreach (string key in keys)
            {
                if (_jobs.TryGetValue(key, out UnitJob? job))
                    Remove(job);
            }
        }
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Takes nothing new, and waits until what somebody asks for is computed and fetched.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
            _leaving = true;
        while (!cancellationToken.IsCancellationRequested)
        {
            lock (_lock)
            {
                long asked = Environment.TickCount64 - (long)(3 * _options.Hold.TotalMilliseconds);
                if (_jobs.Values.All(job => job.LastAsked < asked))
                    return;
            }

            await Task.Delay(50, CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _sweep.Dispose();
        lock (_lock)
        {
            if (_closed)
                return;
            _closed = true;
            foreach (UnitJob job in _jobs.Values.ToArray())
                Remove(job);
            Monitor.Pulse(_lock);
        }

        _thread?.Join();
        _shelf.Dispose();
    }

    private UnitReply? Refusal(UnitCall call)
    {
        string? reason =
            call.Model.Version != _options.Version ? $"runs version {_options.Version} of moa where {call.Model.Version} asks"
            : call.Model.Arithmetic is string wanted && wanted != _options.Arithmetic ? $"computes with {_options.Arithmetic} where {wanted} is asked for"
            : _options.Handlers.All(handler => handler.Kind != call.Kind) ? $"does not know units of the kind {call.Kind}"
            : null;
        return reason is null ? null : new UnitReply { State = UnitState.Refused, Reason = reason };
    }

    private void Start()
    {
        if (_thread is not null)
            return;
        _thread = new Thread(Work) { IsBackground = true, Name = "moa units" };
        _thread.Start();
    }

    private void Work()
    {
        while (true)
        {
            UnitJob job;
            lock (_lock)
            {
                while (_waiting.Count == 0 && !_closed)
                    _ = Monitor.Wait(_lock);
                if (_closed)
                    return;
                _running = job = _waiting.Dequeue();
            }

            UnitReply reply = Compute(job);
            lock (_lock)
            {
                _running = null;
                _done += reply.State == UnitState.Done ? 1 : 0;
                _failed += reply.State == UnitState.Failed ? 1 : 0;
            }

            job.End(reply);
        }
    }

    private UnitReply Compute(UnitJob job)
    {
        LanguageModel model;
        try
        {
            model = _shelf.Open(job.Call.Model, job.Cancellation);
        }
        catch (OperationCanceledException) when (job.Cancellation.IsCancellationRequested)
        {
            return job.Reply; // whoever still wants it asks again
        }
        catch (Exception failure)
        {
            return new UnitReply { State = UnitState.Refused, Reason = Line(failure) };
        }

        try
        {
            job.Result = _options.Handlers.Single(handler => handler.Kind == job.Call.Kind).Run(model, job.Call.Payload, job.Cancellation);
            return new UnitReply
            {
                State = UnitState.Done,
                Bytes = job.Result.Length,
                Piece = job.Result.Length <= IUnitGrain.PieceBytes ? job.Result : job.Result[..IUnitGrain.PieceBytes],
            };
        }
        catch (OperationCanceledException) when (job.Cancellation.IsCancellationRequested)
        {
            return job.Reply;
        }
        catch (Exception failure)
        {
            return new UnitReply { State = UnitState.Failed, Reason = Line(failure), IsInput = failure is InvalidInputException };
        }
    }

    // One line, as on one machine.
    private static string Line(Exception failure) => (failure switch
    {
        InvalidInputException or IOException or UnauthorizedAccessException => failure.Message,
        OutOfMemoryException => $"not enough memory ({failure.Message})",
        _ => $"{failure.GetType().Name}: {failure.Message}",
    }).ReplaceLineEndings(" ");

    private void DropUnasked()
    {
        lock (_lock)
        {
            long now = Environment.TickCount64;
            foreach (UnitJob job in _jobs.Values.Where(job => now - job.LastAsked > _options.Unasked.TotalMilliseconds).ToArray())
                Remove(job);
        }
    }

    // Whoever holds a question open gets its answer all the same; who asks for it again has it computed anew.
    private void Remove(UnitJob job)
    {
        _ = _jobs.Remove(job.Call.Key);
        if (_waiting.Contains(job))
        {
            UnitJob[] others = [.. _waiting.Where(other => other != job)];
            _waiting.Clear();
            foreach (UnitJob other in others)
                _waiting.Enqueue(other);
        }

        job.Dispose();
    }
}
