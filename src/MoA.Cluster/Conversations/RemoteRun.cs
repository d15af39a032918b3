using System.Diagnostics;
using System.Threading.Channels;
using MoA.Cluster.Members;
using MoA.Engine;
using MoA.Serving;
using MoA.Serving.Scheduling;
using Orleans.Runtime;

namespace MoA.Cluster.Conversations;

/// <summary>
/// A request on its way to whoever holds its conversation, to the end. Where that member is lost, the next one goes on from the tokens that have come already; nobody
/// notices but by waiting.
/// </summary>
/// <typeparam name="TPiece">What a step adds.</typeparam>
/// <typeparam name="TOutcome">What comes of it.</typeparam>
#pragma warning disable CA1001 // nothing waits for the source, and it holds nothing of the system's
internal abstract class RemoteRun<TPiece, TOutcome>(ClusterService service, string key, ConversationRequest request)
#pragma warning restore CA1001
{
    // Longer than it takes to find out that a member is lost, and to find another.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60), FirstPause = TimeSpan.FromMilliseconds(50), LongestPause = TimeSpan.FromSeconds(1);

    // Whoever was asked to end a text says so soon.
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(5);

    private readonly Channel<TPiece> _pieces = Replies.NewChannel<TPiece>();
    private readonly TaskCompletionSource<TOutcome> _outcome = Replies.NewOutcome<TOutcome>();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _end = new();
    private readonly List<int> _written = [];
    private readonly List<string> _avoid = [];
    private IConversationGrain? _holder;
    private bool _hasRest;
    private bool _cancelled;
    private string _member = "";
    private int _sent;
    private long _progress;

    /// <summary>Its pieces.</summary>
    public ChannelReader<TPiece> Pieces => _pieces.Reader;

    /// <summary>What came of it.</summary>
    public Task<TOutcome> Outcome => _outcome.Task;

    /// <summary>Completes when its prompt is read somewhere, or it is refused.</summary>
    public Task Started => _started.Task;

    /// <summary>Tokens of its prompt, once it has begun.</summary>
    public int PromptTokens { get; private set; }

    /// <summary>Of the prompt's tokens, those that were read.</summary>
    public int TokensRead => _written.Count > 0 ? PromptTokens : 0;

    /// <summary>Ends it where it stands.</summary>
    public void Cancel()
    {
        if (_outcome.Task.IsCompleted || Interlocked.Exchange(ref _cancelled, true))
            return;
        if (_holder is IConversationGrain holder)
        {
            _ = StopAsync(holder);
            _end.CancelAfter(StopTime);
        }
        else
        {
            _end.Cancel();
        }
    }

    /// <summary>Sends it, and reads what comes back to the end.</summary>
    public async Task RunAsync()
    {
        long since = 0;
        for (TimeSpan pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            long before = _progress;
            string? lost = null;
            try
            {
                if (await AskAsync())
                    return;
            }
            catch (Exception failure) when (failure is RequestRefusedException or InvalidInputException or RemoteFailureException)
            {
                Fail(failure);
                return;
            }
            catch (Exception) when (Volatile.Read(ref _cancelled))
            {
                Fail(new OperationCanceledException("the request was cancelled"));
                return;
            }
            catch (Exception failure)
            {
                lost = Reason(failure);
                _avoid.Clear();
            }

            if (since == 0 || _progress > before)
            {
                (since, pause) = (Stopwatch.GetTimestamp(), FirstPause);
                if (lost is not null)
                    service.NoteLost(request.Id, _written.Count, lost);
            }
            else if (Stopwatch.GetElapsedTime(since) > Patience)
            {
                Fail(new RequestRefusedException(RefusalReason.Unavailable,
                    $"no member of the cluster answers for {Patience.TotalSeconds:0} s ({lost ?? "each sends the request on"}); try again later"));
                return;
            }

            await Task.Delay(pause, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The request's body where so many tokens have come already.</summary>
    protected abstract byte[] Body(IReadOnlyList<int> written);

    /// <summary>Reads a piece.</summary>
    protected abstract TPiece ReadPiece(byte[] body);

    /// <summary>The tokens of a piece.</summary>
    protected abstract IReadOnlyList<int> TokensOf(TPiece piece);

    /// <summary>Reads an outcome.</summary>
    protected abstract TOutcome ReadOutcome(byte[] body);

    /// <summary>Whether it was cut off.</summary>
    protected abstract bool IsCutOff(TOutcome outcome);

    /// <summary>Takes the likelihoods of the prompt's tokens.</summary>
    protected virtual void TakePromptScores(byte[] body)
    {
    }

    // True at the end, false where another member is to be asked.
    private async Task<bool> AskAsync()
    {
        ConversationNeed need = request.Need with { Avoid = [.. _avoid] };
        RequestContext.Set(ConversationNeed.Key, need);
        IConversationGrain holder = service.Grains.GetGrain<IConversationGrain>(key);
        IAsyncEnumerable<ConversationEvent> events = holder.Answer(request with { Body = Body(_written), Need = need, Sent = _sent }, _end.Token);
        try
        {
            await foreach (ConversationEvent next in events)
            {
                if (!Volatile.Read(ref _cancelled))
                    _holder = holder;
                switch (next.Kind)
                {
                    case ConversationEventKind.SentOn:
                        _sent++;
                        _avoid.Add(next.Message);
                        ClusterService.NoteSentOn(next.Message);
                        return false;
                    case ConversationEventKind.Ended:
                        TOutcome outcome = ReadOutcome(next.Body);
                        if (IsCutOff(outcome) && !Volatile.Read(ref _cancelled))
                            throw new MemberLostException("it was stopped in haste");
                        ClusterService.NoteAnswered(_member);
                        End(outcome);
                        return true;
                    default:
                        Take(next);
                        break;
                }
            }
        }
        finally
        {
            _holder = null;
        }

        throw new MemberLostException("the answer broke off");
    }

    private void Take(ConversationEvent next)
    {
        _progress++;
        switch (next.Kind)
        {
            case ConversationEventKind.Began:
                (PromptTokens, _member) = (next.Number, next.Message);
                _ = _started.TrySetResult();
                break;
            case ConversationEventKind.PromptScores:
                TakePromptScores(next.Body);
                break;
            case ConversationEventKind.Piece:
                TPiece piece = ReadPiece(next.Body);
                IReadOnlyList<int> tokens = TokensOf(piece);
                if (tokens.Count == 0 && _hasRest)
                    break; // what was held back at the end comes again where the end is written again
                _hasRest = tokens.Count == 0;
                _written.AddRange(tokens);
                _ = _pieces.Writer.TryWrite(piece);
                break;
            case ConversationEventKind.Refused when next.Number == (int)RefusalReason.Stopping:
                throw new MemberLostException(next.Message); // it is, not this server
            case ConversationEventKind.Refused:
                throw new RequestRefusedException((RefusalReason)next.Number, next.Message);
            case ConversationEventKind.Invalid:
                throw new InvalidInputException(next.Message);
            case ConversationEventKind.Failed:
                throw new RemoteFailureException(next.Message);
        }
    }

    private void End(TOutcome outcome)
    {
        _ = _started.TrySetResult();
        _ = _outcome.TrySetResult(outcome);
        _ = _pieces.Writer.TryComplete();
    }

    private void Fail(Exception failure)
    {
        if (_started.TrySetException(failure))
            _ = _started.Task.Exception; // nobody has to look at it
        _ = _outcome.TrySetException(failure);
        _ = _pieces.Writer.TryComplete(failure);
    }

    private async Task StopAsync(IConversationGrain holder)
    {
        try
        {
            await holder.Stop(request.Id);
        }
        catch (Exception)
        {
            await _end.CancelAsync(); // who is not there writes nothing
        }
    }

    private static string Reason(Exception failure) => (failure.InnerException ?? failure).Message.ReplaceLineEndings(" ").TrimEnd('.');
}
