namespace MoA.Cluster.Simulation.Serving;

/// <summary>Counts what happens, and measures it between the warm-up and the last arrival, when the cluster is as full as it will stay.</summary>
internal sealed class Measures(ClusterSettings settings, ClusterMember[] members)
{
    private readonly long _from = (long)(settings.Conversations * settings.WarmUp);
    private readonly (double Busy, double Reserved, double Kept)[] _before = new (double, double, double)[members.Length];
    private double _start = double.PositiveInfinity;
    private double _end = double.PositiveInfinity;
    private double _at;
    private double _conversationSeconds;
    private long _conversations;
    private double _conversationTokens;

    /// <summary>What there is so far.</summary>
    public ServingResult Result { get; } = new();

    /// <summary>A conversation begins.</summary>
    public void Arrived(long id, double now)
    {
        NoteConversations(now);
        if (id == _from)
        {
            _start = now;
            ForEach(now, (i, used) => _before[i] = used);
        }

        if (id == settings.Conversations - 1)
            Finish(now);
    }

    /// <summary>A request begins on its caches.</summary>
    public void Began(Turn turn, int held, double now)
    {
        if (!Counts(turn))
            return;
        Result.TokensRead += turn.PromptTokens - held;
        Result.TokensHeld += held;
        if (turn.Conversation.HasBegun)
            Result.TokensReadAgain += Math.Max(0, turn.Conversation.Tokens - held);
        else
            Result.SystemTokensRead += Math.Max(0, turn.Conversation.SystemTokens - held);
        if (!turn.HasWaited)
            Result.Wait.Add(now - turn.Arrived);
        turn.HasWaited = true;
    }

    /// <summary>The first token is there.</summary>
    public void FirstToken(Turn turn, double now)
    {
        if (Counts(turn) && !turn.WasSeen)
            Result.FirstToken.Add(now - turn.Arrived + settings.CallSeconds);
        turn.WasSeen = true;
    }

    /// <summary>An answer is whole.</summary>
    public void Ended(Turn turn, double now)
    {
        NoteConversations(now);
        Result.Ended++;
        if (!Counts(turn))
            return;
        Result.Measured++;
        Result.TokensWritten += turn.AnswerTokens;
        if (turn.Conversation.TurnsLeft == 1)
        {
            _conversations++;
            _conversationTokens += turn.Conversation.Tokens;
        }

        Result.Whole.Add(now - turn.Arrived + settings.CallSeconds);
    }

    /// <summary>A request was refused, or waited too long.</summary>
    public void Refused(Turn turn, double now)
    {
        NoteConversations(now);
        if (!Counts(turn))
            return;
        Result.Measured++;
        Result.MeasuredRefused++;
    }

    /// <summary>The run is over.</summary>
    public void Close(double now)
    {
        if (double.IsInfinity(_end))
            Finish(now);
        Result.TokensOfConversation = _conversationTokens / Math.Max(1, _conversations);
        Result.PeakBytes = members.Max(member => member.Work.PeakBytes);
    }

    private bool Counts(Turn turn) => turn.Arrived >= _start && turn.Arrived <= _end;

    private void NoteConversations(double now)
    {
        if (now > _start && double.IsInfinity(_end))
            _conversationSeconds += (now - Math.Max(_at, _start)) * (Result.Conversations - Result.ConversationsOver);
        _at = now;
    }

    private void Finish(double now)
    {
        _end = now;
        double seconds = Result.Seconds = Math.Max(now - _start, double.Epsilon);
        double[] busy = new double[members.Length];
        double reserved = 0, kept = 0;
        ForEach(now, (i, used) =>
        {
            busy[i] = (used.Busy - _before[i].Busy) / seconds;
            reserved += used.Reserved - _before[i].Reserved;
            kept += used.Kept - _before[i].Kept;
        });
        double memory = (double)settings.Member.CacheBytes * members.Length * seconds;
        (Result.ReservedShare, Result.KeptShare) = (reserved / memory, kept / memory);
        (Result.Busy, Result.BusyMost) = (busy.Average(), busy.Max());
        Result.Imbalance = Result.Busy == 0 ? 0 : Math.Sqrt(busy.Average(b => (b - Result.Busy) * (b - Result.Busy))) / Result.Busy;
        Result.AtOnce = _conversationSeconds / seconds;
    }

    private void ForEach(double now, Action<int, (double Busy, double Reserved, double Kept)> take)
    {
        for (int i = 0; i < members.Length; i++)
        {
            members[i].Work.Advance(now);
            take(i, members[i].Work.Used);
        }
    }
}
