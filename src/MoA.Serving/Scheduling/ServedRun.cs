using System.Diagnostics;
using MoA.Engine.Generation;
using MoA.Serving.Telemetry;

namespace MoA.Serving.Scheduling;

/// <summary>
/// A request from its arrival to its end. <see cref="Scheduler"/> alone begins, advances and ends it, on one thread; what has been written is
/// published for readers on others.
/// </summary>
internal abstract class ServedRun
{
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _arrival = Stopwatch.GetTimestamp();
    private long _start;
    private TimeSpan _firstToken;
    private int _published;
    private volatile bool _isCancelled;

    /// <param name="request">What is asked for.</param>
    /// <param name="prompt">Its prompt.</param>
    /// <param name="newTokens">Most tokens to write.</param>
    protected ServedRun(GenerationRequest request, int[] prompt, int newTokens)
    {
        Request = request;
        Prompt = prompt;
        NewTokens = newTokens;
    }

    public GenerationRequest Request { get; }

    public int[] Prompt { get; }

    public int NewTokens { get; }

    /// <summary>N of the sequence's rules.</summary>
    public int Capacity => Prompt.Length + NewTokens;

    /// <summary>How long it has waited, if it has not begun.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(_arrival);

    /// <summary>Whether nobody wants the rest.</summary>
    public bool IsCancelled => _isCancelled;

    /// <summary>Is told when nobody wants the rest.</summary>
    public Action? OnCancelled { get; set; }

    /// <summary>What watches it; null if nobody listens.</summary>
    public RequestTelemetry? Telemetry { get; init; }

    /// <summary>Completes when it begins or is refused.</summary>
    public Task Started => _started.Task;

    /// <summary>The run, once it has begun.</summary>
    public GenerationRun? Run { get; private set; }

    /// <summary>Its caches, once it has begun.</summary>
    public CacheLease? Lease { get; private set; }

    /// <summary>Whether a file has been read for it.</summary>
    public bool HasLoaded { get; set; }

    /// <summary>Tokens of the prompt that are in its caches.</summary>
    public int TokensRead => (Lease?.Held ?? 0) + (Run?.PrefilledTokens ?? 0);

    /// <summary>Whether its prompt is still being read.</summary>
    public bool IsReading => TokensRead < Prompt.Length;

    /// <summary>Whether just so much of its prompt has been read as another request may share.</summary>
    public bool IsAtLandmark => IsReading && Request.Landmarks.Contains(TokensRead);

    /// <summary>Time from its beginning to the first token.</summary>
    public TimeSpan FirstToken => _firstToken;

    /// <summary>Asks for its end; the scheduler sees to it.</summary>
    public void Cancel()
    {
        _isCancelled = true;
        OnCancelled?.Invoke();
    }

    /// <summary>Makes the run, on caches that hold the first tokens of the prompt.</summary>
    public GenerationRun Prepare(LanguageModel model, CacheLease lease)
    {
        Sampler sampler = new(Request.Sampling, model.Config.VocabularySize, Request.Constraint);
        sampler.Read(Prompt.AsSpan(0, lease.Held));
        Run = new GenerationRun(lease.Caches, Prompt.AsSpan(lease.Held), NewTokens, sampler, model.StopTokens, Take)
        {
            LogProbabilities = Request.LogProbabilities,
            FailsAlone = true,
            PromptLogProbabilities = Request.PromptLogProbabilities,
            Written = Request.Written,
            Landmarks = [.. Request.Landmarks.Select(landmark => landmark - lease.Held)],
        };
        Lease = lease;
        return Run;
    }

    /// <summary>Begins.</summary>
    public void Begin()
    {
        _start = Stopwatch.GetTimestamp();
        _ = _started.TrySetResult();
    }

    /// <summary>Publishes what the last step has written.</summary>
    /// <returns>How many tokens.</returns>
    public int Publish()
    {
        int count = Run!.Output.Count - _published;
        if (count == 0)
            return 0;
        if (_published < Request.Written.Count)
        {
            _published += count; // shown elsewhere
            PassOver();
            return 0;
        }

        TokenLogProbability[] scores = Run.LogProbabilities is null ? [] : new TokenLogProbability[count];
        for (int i = 0; i < scores.Length; i++)
            scores[i] = Run.Scores[_published + i];
        _published = Run.Output.Count;
        Show(count, scores);
        return count;
    }

    /// <summary>Ends it: its reader gets what was written, and why it ended.</summary>
    public void End(FinishReason finish, HeldCaches held)
    {
        TimeSpan total = _start == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(_start);
        TimeSpan waited = _start == 0 ? Age : Stopwatch.GetElapsedTime(_arrival, _start);
        Usage usage = new(
            Prompt.Length, Lease?.Held ?? 0, Run?.Output.Count ?? 0, held.Bytes, held.Density, waited,
            _firstToken > TimeSpan.Zero ? _firstToken : total, total)
        {
            PeakCacheBytes = held.PeakBytes,
            ReadAgain = Lease?.ReadAgain,
        };
        _ = _started.TrySetResult();
        Complete(finish, usage);
    }

    /// <summary>Ends it by an exception that its reader gets.</summary>
    public void Fail(Exception failure)
    {
        Telemetry?.Fail(failure);
        _ = _started.TrySetException(failure);
        _ = _started.Task.Exception; // nobody has to look at it
        Break(failure);
    }

    /// <summary>Takes a token that ends nothing by itself; true ends the text here.</summary>
    protected abstract bool Read(int token);

    /// <summary>Shows nothing of the tokens of a step.</summary>
    protected abstract void PassOver();

    /// <summary>Shows what came of the tokens of a step.</summary>
    protected abstract void Show(int tokens, IReadOnlyList<TokenLogProbability> scores);

    /// <summary>Shows the end.</summary>
    protected abstract void Complete(FinishReason finish, Usage usage);

    /// <summary>Shows the failure.</summary>
    protected abstract void Break(Exception failure);

    private bool Take(int token)
    {
        if (_firstToken == TimeSpan.Zero)
            _firstToken = Stopwatch.GetElapsedTime(_start);
        return Read(token);
    }
}
