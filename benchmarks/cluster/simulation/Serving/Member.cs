namespace MoA.Cluster.Simulation.Serving;

/// <summary>
/// A member as MoA.Serving's scheduler runs it: requests begin in their order, each when its exact bytes fit; a step writes a token of every text and reads prompts within
/// <c>LongestStep</c>, half for the prompt that came first and half for the one that has least left. Between events everything goes on at fixed rates, so that an answer
/// of a thousand tokens costs one event.
/// </summary>
internal sealed class Member(MemberSettings settings, IMemberObserver observer)
{
    private readonly LinkedList<Turn> _waiting = [];
    private readonly List<Turn> _reading = [];
    private readonly PriorityQueue<Turn, (double Step, long Order)> _writing = new();
    private readonly Dictionary<int, int> _systemsRead = [];
    private readonly List<Turn> _ended = [];
    private double _at;
    private double _steps;
    private double _seen;
    private long _order;
    private int _second;
    private Due _due;

    private enum Due
    {
        Nothing,
        FirstRead,
        SecondRead,
        Written,
        WaitedTooLong,
    }

    /// <summary>What is kept beside requests.</summary>
    public KeptStore Kept { get; } = new();

    /// <summary>When something will happen; infinite while nothing is to be done.</summary>
    public double Next { get; private set; } = double.PositiveInfinity;

    /// <summary>Counts changes: what was planned before one is void.</summary>
    public long Version { get; private set; }

    /// <summary>Bytes that requests have.</summary>
    public long ReservedBytes { get; private set; }

    /// <summary>The most bytes that there were.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Seconds with work, byte-seconds of requests and of kept caches, since the start.</summary>
    public (double Busy, double Reserved, double Kept) Used { get; private set; }

    /// <summary>How it stands.</summary>
    public MemberReport Report => new(settings.CacheBytes - ReservedBytes, Kept.Bytes, Running, _waiting.Count);

    private int Running => _reading.Count + _writing.Count;

    private long FreeBytes => settings.CacheBytes - ReservedBytes - Kept.Bytes;

    /// <summary>Takes a request; false where too many wait already, or its caches can never fit.</summary>
    public bool TrySubmit(Turn turn, double now)
    {
        Advance(now);
        if (_waiting.Count >= settings.QueueLength || settings.Rules.Bytes(turn.Capacity) > settings.CacheBytes)
            return false;
        turn.Submitted = now;
        _ = _waiting.AddLast(turn);
        Admit(now);
        Plan();
        return true;
    }

    /// <summary>What was due at <see cref="Next"/> happens.</summary>
    public void Happen(double now)
    {
        Advance(now);
        switch (_due)
        {
            case Due.FirstRead:
                PieceRead(0, now);
                break;
            case Due.SecondRead:
                PieceRead(_second, now);
                break;
            case Due.Written:
                _ = _writing.TryPeek(out _, out (double Step, long) first);
                _steps = first.Step;
                while (_writing.TryPeek(out Turn? turn, out (double Step, long) end) && end.Step <= _steps)
                {
                    _ = _writing.Dequeue();
                    _seen = _writing.Count == 0 ? 0 : _seen - turn.Seen;
                    End(turn);
                }

                break;
            case Due.WaitedTooLong:
                Turn late = _waiting.First!.Value;
                _waiting.RemoveFirst();
                observer.GaveUp(late, now);
                break;
        }

        Admit(now);
        Plan();
        TellEnded(now);
    }

    /// <summary>Dies: everything is lost. The requests that were there.</summary>
    public List<Turn> Die(double now)
    {
        Advance(now);
        List<Turn> lost = [.. _reading, .. _writing.UnorderedItems.OrderBy(item => item.Priority).Select(item => item.Element), .. _waiting];
        foreach (Turn turn in lost)
            turn.ReservedBytes = 0;
        _reading.Clear();
        _writing.Clear();
        _waiting.Clear();
        _systemsRead.Clear();
        Kept.Clear();
        (ReservedBytes, _seen) = (0, 0);
        Plan();
        return lost;
    }

    /// <summary>Lets the time pass up to now.</summary>
    public void Advance(double now)
    {
        double passed = now - _at;
        if (passed <= 0)
            return;
        _at = now;
        Used = (Used.Busy + (Running > 0 ? passed : 0), Used.Reserved + passed * ReservedBytes, Used.Kept + passed * Kept.Bytes);
        if (_writing.Count > 0)
            _steps += passed / SecondsOfStep();
        if (_reading.Count > 0)
        {
            _reading[0].LeftSeconds -= passed * ReadingShare(0);
            if (_reading.Count > 1)
                _reading[_second].LeftSeconds -= passed * ReadingShare(_second);
        }
    }

    // Nobody overtakes who waits for room; who waits for another one to read the system prompt that both have lets others pass.
    private void Admit(double now)
    {
        for (LinkedListNode<Turn>? node = _waiting.First, next; node is not null && Running < settings.MaxSequences; node = next)
        {
            next = node.Next;
            if (TryBegin(node.Value, now, out bool forOther))
                _waiting.Remove(node);
            else if (!forOther)
                return;
        }
    }

    private bool TryBegin(Turn turn, double now, out bool forOther)
    {
        forOther = false;
        Conversation conversation = turn.Conversation;
        long bytes = settings.Rules.Bytes(turn.Capacity);
        KeptCaches? kept = conversation.Kept, spared = kept;
        int held;
        if (kept is not null)
        {
            held = kept.Tokens;
            long own = kept.IsPacked ? 0 : kept.Bytes;
            if (!Kept.TryFree(bytes - own - FreeBytes, spared))
            {
                if (!kept.IsPacked || Running > 0)
                    return false; // there will be room beside it when others have ended
                Kept.Remove(kept);
                return TryBegin(turn, now, out forOther);
            }

            if (!kept.IsPacked)
                Kept.Remove(kept);
        }
        else
        {
            spared = Kept.UseSystem(conversation.System);
            held = spared?.Tokens ?? 0;
            forOther = spared is null && _systemsRead.ContainsKey(conversation.System);
            if (forOther || !(Kept.TryFree(bytes - FreeBytes, spared) || (Running == 0 && Kept.TryFree(bytes - FreeBytes, null))))
                return false;
            if (spared is not null && !Kept.HasSystem(conversation.System))
                held = 0;
        }

        Begin(turn, held, bytes, now);
        return true;
    }

    private void Begin(Turn turn, int held, long bytes, double now)
    {
        ReservedBytes += bytes;
        turn.ReservedBytes = bytes;
        NotePeak();
        int system = turn.Conversation.SystemTokens;
        turn.ReadsSystem = held < system;
        int first = turn.ReadsSystem ? system : held;
        MemberCosts costs = settings.Costs;
        turn.LeftSeconds = turn.ReadsSystem ? costs.Read(settings.Rules, held, system, turn.Capacity) : 0;
        turn.ThenSeconds = costs.Read(settings.Rules, first, turn.PromptTokens, turn.Capacity);
        if (turn.ReadsSystem)
            _systemsRead[turn.Conversation.System] = _systemsRead.GetValueOrDefault(turn.Conversation.System) + 1;
        else
            (turn.LeftSeconds, turn.ThenSeconds) = (turn.ThenSeconds, 0);
        turn.Seen = settings.Rules.Seen(turn.PromptTokens + turn.AnswerTokens / 2, turn.Capacity);
        _reading.Add(turn);
        observer.Began(turn, held, now);
    }

    private void PieceRead(int index, double now)
    {
        Turn turn = _reading[index];
        if (turn.ReadsSystem)
        {
            turn.ReadsSystem = false;
            (turn.LeftSeconds, turn.ThenSeconds) = (turn.ThenSeconds, 0);
            KeepSystem(turn.Conversation);
            return;
        }

        _reading.RemoveAt(index);
        observer.FirstToken(turn, now);
        if (turn.AnswerTokens <= 1)
        {
            End(turn);
            return;
        }

        turn.EndsAtStep = _steps + turn.AnswerTokens - 1;
        _seen += turn.Seen;
        _writing.Enqueue(turn, (turn.EndsAtStep, _order++));
    }

    private void KeepSystem(Conversation conversation)
    {
        int system = conversation.System, others = _systemsRead[system] - 1;
        if (others > 0)
            _systemsRead[system] = others;
        else
            _ = _systemsRead.Remove(system);
        long bytes = settings.Rules.Bytes(conversation.SystemTokens);
        if (!Kept.HasSystem(system) && Kept.TryFree(bytes - FreeBytes, null))
            Kept.Add(new KeptCaches(null, system, conversation.SystemTokens, bytes, isPacked: true));
        NotePeak();
    }

    // Caches that have much room to spare are kept without it, as MoA.Serving does.
    private void End(Turn turn)
    {
        Conversation conversation = turn.Conversation;
        int tokens = turn.PromptTokens + turn.AnswerTokens;
        long packed = settings.Rules.Bytes(tokens), live = turn.ReservedBytes;
        ReservedBytes -= live;
        bool packs = packed < live / 4 * 3 && packed <= FreeBytes - live;
        Kept.Add(new KeptCaches(conversation, conversation.System, tokens, packs ? packed : live, packs));
        NotePeak();
        conversation.Tokens = tokens;
        _ended.Add(turn);
    }

    // What follows an end may come back to this member, so it is told of when everything here is in order.
    private void TellEnded(double now)
    {
        if (_ended.Count == 0)
            return;
        Turn[] ended = [.. _ended];
        _ended.Clear();
        foreach (Turn turn in ended)
            observer.Ended(turn, now);
    }

    private double SecondsOfStep() =>
        settings.Costs.Step(_writing.Count, _seen) * (_reading.Count > 0 ? settings.Costs.LongestStep : 1);

    private double ReadingShare(int index)
    {
        double share = _writing.Count == 0 ? 1 : 1 - 1 / settings.Costs.LongestStep;
        return _reading.Count == 1 ? share : index == 0 || index == _second ? share / 2 : 0;
    }

    private void Plan()
    {
        Version++;
        (Next, _due, _second) = (double.PositiveInfinity, Due.Nothing, 0);
        for (int i = 1; i < _reading.Count; i++)
        {
            if (_second == 0 || Left(i) < Left(_second))
                _second = i;
        }

        if (_reading.Count > 0)
            Consider(Due.FirstRead, _at + Math.Max(0, _reading[0].LeftSeconds) / ReadingShare(0));
        if (_reading.Count > 1)
            Consider(Due.SecondRead, _at + Math.Max(0, _reading[_second].LeftSeconds) / ReadingShare(_second));
        if (_writing.TryPeek(out _, out (double Step, long) first))
            Consider(Due.Written, _at + Math.Max(0, first.Step - _steps) * SecondsOfStep());
        if (_waiting.First is LinkedListNode<Turn> waiting)
            Consider(Due.WaitedTooLong, Math.Max(_at, waiting.Value.Submitted + settings.LongestWaitSeconds));

        double Left(int i) => _reading[i].LeftSeconds + _reading[i].ThenSeconds;
    }

    private void Consider(Due due, double time)
    {
        if (time < Next)
            (Next, _due) = (time, due);
    }

    private void NotePeak() => PeakBytes = Math.Max(PeakBytes, ReservedBytes + Kept.Bytes);
}
