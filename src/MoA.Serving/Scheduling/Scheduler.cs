using System.Diagnostics;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;

namespace MoA.Serving.Scheduling;

/// <summary>
/// The thread that runs the model for all requests. Requests begin in the order in which they came, each as soon as its caches fit beside the others' and
/// beside what cannot be given up of kept prefixes; whoever has begun is never put off again. A step takes a token of every text that is being written and, within
/// <see cref="PrefillPace"/>, pieces of prompts.
/// </summary>
internal sealed class Scheduler : IDisposable
{
    private readonly object _gate = new();
    private readonly LinkedList<ServedRun> _waiting = [];
    private readonly List<ServedRun> _active = [];
    private readonly LanguageModel _model;
    private readonly ServiceOptions _options;
    private readonly CacheRoom _room;
    private readonly GenerationLoop _loop;
    private readonly PrefillPace _pace;
    private readonly ServiceCounters _counters;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _mostRuns;
    private CancellationTokenSource _step = new();
    private bool _stepping;
    private volatile bool _mayAdmit = true;
    private volatile bool _isFull;
    private volatile bool _stopping;
    private volatile bool _cancelAll;

    public Scheduler(LanguageModel model, ServiceOptions options, CacheRoom room, ServiceCounters counters)
    {
        _model = model;
        _options = options;
        _room = room;
        _counters = counters;
        _loop = new GenerationLoop(model.Transformer);
        _pace = new PrefillPace(options.LongestStep, model.Transformer.Backend.PieceTokens(model.Config.QueriesPerKeyValueHead));
        _room.OnFile = Wake;
        _mostRuns = Math.Min(options.MaxSequences, model.Transformer.MaxRows);
        new Thread(Work) { IsBackground = true, Name = "MoA model" }.Start();
    }

    /// <summary>Completes when the thread has ended.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Whether no more requests are taken.</summary>
    public bool IsStopping => _stopping;

    /// <summary>Whether requests wait until others end.</summary>
    public bool IsFull => _isFull;

    /// <summary>Requests that have begun, and those that wait.</summary>
    public (int Running, int Waiting) Count()
    {
        lock (_gate)
            return (_active.Count, _waiting.Count);
    }

    /// <summary>Lets a request wait for its turn.</summary>
    /// <exception cref="RequestRefusedException">Too many wait, or the service is being stopped.</exception>
    public void Submit(ServedRun run)
    {
        lock (_gate)
        {
            if (_stopping)
                throw Refuse(RefusalReason.Stopping, "the service is being stopped and takes no requests");
            if (_waiting.Count >= _options.QueueLength)
            {
                throw Refuse(RefusalReason.QueueFull,
                    $"{_waiting.Count} requests wait and {_active.Count} are being answered, which is all that may; try again later");
            }

            run.OnCancelled = Cancelled;
            _ = _waiting.AddLast(run);
            _mayAdmit = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Takes no more requests; the thread ends with the last of those that are there.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Ends all requests where they stand, and the thread.</summary>
    public void CancelAll()
    {
        Stop();
        _cancelAll = true;
        Cancelled();
    }

    public void Dispose()
    {
        CancelAll();
        _ended.Task.Wait();
        _step.Dispose();
    }

    private void Work()
    {
        try
        {
            while (WaitForWork())
            {
                try
                {
                    EndCancelled();
                    Admit();
                    if (_active.Count > 0)
                        Step();
                }
                catch (Exception failure)
                {
                    Break(failure);
                }
            }
        }
        finally
        {
            _ = _ended.TrySetResult();
        }
    }

    private bool WaitForWork()
    {
        lock (_gate)
        {
            while (_active.Count == 0 && _waiting.Count == 0)
            {
                if (_stopping)
                    return false;
                _ = Monitor.Wait(_gate);
            }

            return true;
        }
    }

    private void Wake()
    {
        _mayAdmit = true;
        lock (_gate)
            Monitor.Pulse(_gate);
    }

    // Somebody has given up: a step that serves nobody else ends at once.
    private void Cancelled()
    {
        lock (_gate)
        {
            if (_stepping && ServesNobody())
                _step.Cancel();
            Monitor.Pulse(_gate);
        }
    }

    private bool ServesNobody() => _cancelAll || _active.TrueForAll(static run => run.IsCancelled);

    private void EndCancelled()
    {
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            if (IsCancelled(_active[i]))
                End(_active[i], FinishReason.Cancelled);
        }

        if (TakeGone() is not List<ServedRun> gone)
            return;
        _mayAdmit = true;
        foreach (ServedRun run in gone)
        {
            if (IsCancelled(run))
            {
                _counters.Cancelled();
                run.End(FinishReason.Cancelled, held: default);
            }
            else
            {
                run.Fail(Refuse(RefusalReason.WaitedTooLong, $"no room for its caches within {_options.LongestWait.TotalSeconds:F0} s"));
            }
        }
    }

    // Those that wait no longer; null for none, since a step allocates nothing.
    private List<ServedRun>? TakeGone()
    {
        List<ServedRun>? gone = null;
        lock (_gate)
        {
            for (LinkedListNode<ServedRun>? node = _waiting.First, next; node is not null; node = next)
            {
                next = node.Next;
                if (!IsCancelled(node.Value) && node.Value.Age <= _options.LongestWait)
                    continue;
                _waiting.Remove(node);
                (gone ??= []).Add(node.Value);
            }
        }

        return gone;
    }

    private bool IsCancelled(ServedRun run) => _cancelAll || run.IsCancelled;

    // Nobody overtakes who waits for room: whoever does would wait longer for every smaller one. Who waits for another one to read what both need lets others pass.
    private void Admit()
    {
        if (!_mayAdmit && _active.Count > 0)
            return; // nothing has changed since somebody was found to have to wait
        _mayAdmit = false;
        bool isFull = false;
        ServedRun[] waiting;
        lock (_gate)
            waiting = [.. _waiting];
        foreach (ServedRun next in waiting)
        {
            isFull = _active.Count >= _mostRuns;
            if (isFull)
                break;
            try
            {
                if (_room.Take(next, _active, out bool forOther) is CacheLease lease)
                {
                    Begin(next, lease);
                }
                else if (!forOther)
                {
                    isFull = true;
                    break;
                }
                else
                {
                    _mayAdmit = true; // the other one goes on with every step
                }
            }
            catch (Exception failure)
            {
                Drop(next);
                next.Fail(failure);
            }
        }

        _isFull = isFull;
        WaitForFiles();
    }

    // If nobody else's end would make room, kept caches are just being written to files or read from them.
    private void WaitForFiles()
    {
        lock (_gate)
        {
            if (_active.Count == 0 && _waiting.Count > 0)
                _ = Monitor.Wait(_gate, TimeSpan.FromMilliseconds(20));
        }
    }

    private void Begin(ServedRun run, CacheLease lease)
    {
        Drop(run);
        try
        {
            _loop.Add(run.Prepare(_model, lease));
        }
        catch
        {
            _room.Return(lease);
            throw;
        }

        lock (_gate)
            _active.Add(run);
        _counters.Began(run);
        run.Begin();
    }

    private void Drop(ServedRun run)
    {
        lock (_gate)
            _ = _waiting.Remove(run);
    }

    private void Step()
    {
        (int decoding, int before) = Progress();
        _loop.MaxPromptTokens = _pace.Tokens(decoding, _model.Transformer.MaxRows);
        long start = Stopwatch.GetTimestamp();
        try
        {
            _ = _loop.Step(BeginStep());
        }
        catch (OperationCanceledException) when (_step.IsCancellationRequested)
        {
            return; // those whom it served have given up
        }
        catch (Exception failure)
        {
            Fail(failure);
            return;
        }
        finally
        {
            EndStep();
        }

        _pace.Note(decoding, Progress().TokensRead - before, Stopwatch.GetElapsedTime(start).TotalSeconds);
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            ServedRun run = _active[i];
            if (run.Run!.Failure is Exception failure)
            {
                Fail(run, failure);
                continue;
            }

            _counters.Wrote(run.Publish());
            _room.Mark(run);
            if (run.Run.Finish != FinishReason.None)
                End(run, run.Run.Finish);
        }
    }

    private (int Decoding, int TokensRead) Progress()
    {
        int decoding = 0, read = 0;
        foreach (ServedRun run in _active)
            (decoding, read) = (decoding + (run.IsReading ? 0 : 1), read + run.TokensRead);
        return (decoding, read);
    }

    private CancellationToken BeginStep()
    {
        lock (_gate)
        {
            if (!_step.TryReset())
                _step = new CancellationTokenSource();
            _stepping = true;
            if (ServesNobody())
                _step.Cancel();
            return _step.Token;
        }
    }

    private void EndStep()
    {
        lock (_gate)
            _stepping = false;
    }

    // Runs of a step that broke stand in the middle of a token.
    private void Fail(Exception failure)
    {
        foreach (ServedRun run in _active.ToArray())
            Fail(run, failure);
    }

    private void Fail(ServedRun run, Exception failure)
    {
        Leave(run);
        _room.Return(run.Lease!);
        run.Fail(failure);
    }

    // What nobody has reckoned with ends the requests that are there, not the process that serves others.
    private void Break(Exception failure)
    {
        _options.Note?.Invoke($"all requests were given up: {failure.Message}");
        Fail(failure);
        ServedRun[] waiting;
        lock (_gate)
        {
            waiting = [.. _waiting];
            _waiting.Clear();
        }

        foreach (ServedRun run in waiting)
            run.Fail(failure);
    }

    private void End(ServedRun run, FinishReason finish)
    {
        Leave(run);
        HeldCaches held = _room.Held(run);
        _room.Keep(run);
        _counters.Ended(finish == FinishReason.Cancelled);
        run.End(finish, held);
    }

    private void Leave(ServedRun run)
    {
        _ = _loop.Remove(run.Run!);
        lock (_gate)
            _ = _active.Remove(run);
        _mayAdmit = true;
    }

    private RequestRefusedException Refuse(RefusalReason reason, string message)
    {
        _counters.Refused();
        return new RequestRefusedException(reason, message);
    }
}
