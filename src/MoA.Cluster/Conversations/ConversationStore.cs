using MoA.Cluster.Hosting;
using Orleans.Runtime;
using Orleans.Storage;

namespace MoA.Cluster.Conversations;

/// <summary>
/// Keeps a conversation's state in grain storage. It is read only when somebody needs it, and written after each answer; while the storage cannot be reached it is tried again,
/// so that answers go on. One grain uses it, on its own scheduler.
/// </summary>
#pragma warning disable CA1001 // nothing waits for the source, and it holds nothing of the system's
internal sealed class ConversationStore(IGrainStorage storage, GrainId grain, Action<string> note)
#pragma warning restore CA1001
{
    private const string Name = "conversation";

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), LongestPause = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _end = new();
    private GrainState<ConversationState> _stored = new() { State = new ConversationState() };
    private Task? _reading;
    private Task _writing = Task.CompletedTask;
    private bool _isDirty;

    /// <summary>The state, as far as it is known.</summary>
    public ConversationState State { get; private set; } = new();

    /// <summary>Whether what others have stored is known.</summary>
    public bool IsRead { get; private set; }

    /// <summary>Reads what is stored, once.</summary>
    public async Task ReadAsync()
    {
        if (IsRead)
            return;
        Task reading = _reading ??= ReadOnceAsync();
        try
        {
            await reading;
        }
        finally
        {
            if (_reading == reading)
                _reading = null;
        }
    }

    /// <summary>Stores the state as it is now; completes when it is, or at the end of a time, after which that goes on by itself.</summary>
    public async Task WriteAsync(TimeSpan patience)
    {
        _isDirty = true;
        if (_writing.IsCompleted)
            _writing = WriteAllAsync();
        try
        {
            await _writing.WaitAsync(patience);
        }
        catch (TimeoutException)
        {
        }
    }

    /// <summary>Ends: what is not stored yet is tried once more.</summary>
    public async Task CloseAsync(TimeSpan patience)
    {
        try
        {
            await _writing.WaitAsync(patience);
        }
        catch (TimeoutException)
        {
            note("the tokens of a conversation's last answers could not be stored; where it goes on, their texts are read afresh");
        }

        await _end.CancelAsync();
    }

    private async Task ReadOnceAsync()
    {
        GrainState<ConversationState> stored = new() { State = new ConversationState() };
        await storage.ReadStateAsync(Name, grain, stored);
        ConversationState own = State;
        State = stored.State ?? new ConversationState();
        foreach (Serving.Chat.WrittenAnswer answer in own.Answers())
            State.Add(answer);
        if (own.Length > 0)
            (State.Member, State.Length) = (own.Member, Math.Max(own.Length, State.Length));
        _stored = stored;
        IsRead = true;
    }

    private async Task WriteAllAsync()
    {
        bool noted = false;
        for (TimeSpan pause = FirstPause; _isDirty && !_end.IsCancellationRequested; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                await ReadAsync();
                _isDirty = false;
                _stored.State = State;
                await storage.WriteStateAsync(Name, grain, _stored);
                continue;
            }
            catch (InconsistentStateException)
            {
                (_isDirty, IsRead) = (true, false); // another activation has written since: both know something
            }
            catch (Exception failure)
            {
                _isDirty = true;
                if (!noted)
                    note($"a conversation's tokens cannot be stored now, which is tried again: {failure.Message}");
                noted = true;
            }

            await Task.Delay(pause, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }
}
