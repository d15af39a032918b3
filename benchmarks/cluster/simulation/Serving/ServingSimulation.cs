using System.Diagnostics;
using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Placements;

namespace MoA.Cluster.Simulation.Serving;

/// <summary>A cluster that serves conversations: they come, take turns, are placed, and members die and come back.</summary>
internal sealed class ServingSimulation : IMemberObserver
{
    private readonly ClusterSettings _settings;
    private readonly IPlacement _placement;
    private readonly EventQueue<Event> _events = new();
    private readonly ClusterMember[] _members;
    private readonly List<int> _open = [];
    private readonly int[] _systemTokens;
    private readonly double[] _popularity;
    private readonly Measures _measures;
    private Randomness _arrivals;
    private Randomness _choices;
    private Randomness _failures;
    private int _nextDrained;

    public ServingSimulation(ClusterSettings settings, IPlacement placement)
    {
        (_settings, _placement) = (settings, placement);
        (_arrivals, _choices, _failures) = (new(settings.Seed, 2), new(settings.Seed, 3), new(settings.Seed, 4));
        _systemTokens = settings.Workload.DrawSystems(settings.Seed);
        _popularity = settings.Workload.Popularity();
        _members = new ClusterMember[settings.Members];
        for (int i = 0; i < _members.Length; i++)
        {
            ClusterMember member = new(i, settings.Member, this, _systemTokens.Length, _failures.Uniform());
            member.Work.Kept.OnSystem = (system, isHeld) => member.NoteSystem(system, isHeld, _events.Now);
            member.Note(0);
            _members[i] = member;
            _open.Add(i);
            PlanDeath(member);
        }

        _measures = new Measures(settings, _members);
    }

    private enum Kind
    {
        Arrival,
        Asked,
        Work,
        Death,
        Detected,
        Start,
        Drain,
    }

    private ServingResult Result => _measures.Result;

    /// <summary>Runs until all conversations have ended.</summary>
    public ServingResult Run()
    {
        long start = Stopwatch.GetTimestamp();
        _events.Plan(_settings.Workload.NextArrival(0, ref _arrivals), new Event(Kind.Arrival));
        if (!double.IsInfinity(_settings.SecondsBetweenDrains))
            _events.Plan(_settings.SecondsBetweenDrains, new Event(Kind.Drain));
        while (!IsOver() && _events.TryNext(out Event next))
            Happen(next);
        _measures.Close(_events.Now);
        (Result.Events, Result.ElapsedSeconds) = (_events.Count, Stopwatch.GetElapsedTime(start).TotalSeconds);
        return Result;
    }

    void IMemberObserver.Began(Turn turn, int held, double now)
    {
        _measures.Began(turn, held, now);
        turn.Conversation.HasBegun = true;
    }

    void IMemberObserver.FirstToken(Turn turn, double now) => _measures.FirstToken(turn, now);

    void IMemberObserver.Ended(Turn turn, double now)
    {
        _measures.Ended(turn, now);
        Conversation conversation = turn.Conversation;
        if (--conversation.TurnsLeft > 0 && conversation.Tokens + _settings.Workload.AskedTokens < _settings.Workload.ContextTokens)
            _events.Plan(now + _settings.Workload.ThinkSeconds.Draw(ref conversation.Random), new Event(Kind.Asked, Conversation: conversation));
        else
            Result.ConversationsOver++;
    }

    void IMemberObserver.GaveUp(Turn turn, double now)
    {
        Result.GaveUp++;
        Leave(turn);
    }

    private bool IsOver() => Result.Conversations == _settings.Conversations && Result.ConversationsOver == Result.Conversations;

    private void Happen(in Event what)
    {
        double now = _events.Now;
        switch (what.Kind)
        {
            case Kind.Arrival:
                Arrive(now);
                break;
            case Kind.Asked:
                Ask(what.Conversation!, now);
                break;
            case Kind.Work when _members[what.Member].Work.Version == what.Version:
                ClusterMember worker = _members[what.Member];
                worker.Work.Happen(now);
                PlanWork(worker, now);
                break;
            case Kind.Death when _members[what.Member] is { IsUp: true } dying && dying.Starts == what.Version:
                Die(dying, now);
                break;
            case Kind.Detected:
                Detect(_members[what.Member], now);
                break;
            case Kind.Start:
                Start(_members[what.Member], now);
                break;
            case Kind.Drain:
                Drain(now);
                break;
        }
    }

    private void Arrive(double now)
    {
        long id = Result.Conversations;
        _measures.Arrived(id, now);
        Result.Conversations++;
        Randomness random = new(_settings.Seed, 1000 + (ulong)id);
        int system = Array.BinarySearch(_popularity, random.Uniform() * _popularity[^1]);
        system = system < 0 ? ~system : system;
        int turns = _settings.Workload.Turns.DrawCount(ref random);
        Ask(new Conversation(id, system, _systemTokens[system], turns, random), now);
        if (Result.Conversations < _settings.Conversations)
            _events.Plan(_settings.Workload.NextArrival(now, ref _arrivals), new Event(Kind.Arrival));
    }

    private void Ask(Conversation conversation, double now)
    {
        Workload workload = _settings.Workload;
        Distribution question = conversation.HasBegun ? workload.QuestionTokens : workload.FirstTokens;
        int most = Math.Max(1, workload.ContextTokens - conversation.Tokens - workload.AskedTokens);
        int questionTokens = Math.Min(question.DrawCount(ref conversation.Random), most);
        int answerTokens = Math.Min(workload.AnswerTokens.DrawCount(ref conversation.Random), workload.AskedTokens);
        Result.Asked++;
        Send(new Turn(conversation, questionTokens, answerTokens, workload.AskedTokens, now), now);
    }

    // To the member that has the conversation, or to one that is chosen.
    private void Send(Turn turn, double now)
    {
        Conversation conversation = turn.Conversation;
        if (conversation.Member < 0 || !_members[conversation.Member].IsOpen || !_placement.Stays)
            Place(turn, now);
        if (conversation.Member < 0)
        {
            Result.Refused++;
            Leave(turn);
            return;
        }

        ClusterMember member = _members[conversation.Member];
        if (!member.IsUp)
        {
            member.Stranded.Add(turn);
        }
        else if (member.Work.TrySubmit(turn, now))
        {
            PlanWork(member, now);
        }
        else
        {
            Result.Refused++;
            Leave(turn);
        }
    }

    private void Place(Turn turn, double now)
    {
        Conversation conversation = turn.Conversation;
        int before = conversation.Member;
        conversation.Member = _open.Count == 0 ? -1
            : _placement.Choose(_members, _open, turn, _settings.Member.Rules.Bytes(turn.Capacity), now, ref _choices);
        Result.Placed++;
        if (conversation.Kept is KeptCaches kept && before != conversation.Member)
        {
            _members[before].Work.Advance(now);
            _members[before].Work.Kept.Remove(kept); // a grain that moves gives its caches up
            _members[before].Note(now);
        }
    }

    private void Leave(Turn turn)
    {
        _measures.Refused(turn, _events.Now);
        Result.ConversationsOver++;
    }

    private void PlanWork(ClusterMember member, double now)
    {
        member.Note(now);
        if (!double.IsInfinity(member.Work.Next))
            _events.Plan(member.Work.Next, new Event(Kind.Work, member.Id, member.Work.Version));
        else if (member is { IsDraining: true, IsUp: true })
            Stop(member, now, _settings.RestartSeconds);
    }

    private void PlanDeath(ClusterMember member)
    {
        if (!double.IsInfinity(_settings.MeanSecondsToDeath))
        {
            double time = _events.Now - _settings.MeanSecondsToDeath * Math.Log(_failures.Uniform());
            _events.Plan(time, new Event(Kind.Death, member.Id, member.Starts));
        }
    }

    private void Die(ClusterMember member, double now)
    {
        _events.Plan(now + _settings.DetectionSeconds, new Event(Kind.Detected, member.Id));
        member.Stranded.AddRange(Stop(member, now, Math.Max(_settings.RestartSeconds, _settings.DetectionSeconds)));
        Result.Interrupted += member.Stranded.Count;
    }

    private List<Turn> Stop(ClusterMember member, double now, double seconds)
    {
        member.IsUp = false;
        List<Turn> lost = member.Work.Die(now);
        member.Note(now);
        _events.Plan(now + seconds, new Event(Kind.Start, member.Id));
        return lost;
    }

    private void Detect(ClusterMember member, double now)
    {
        Close(member);
        Turn[] stranded = [.. member.Stranded];
        member.Stranded.Clear();
        foreach (Turn turn in stranded)
            Send(turn, now);
    }

    private void Start(ClusterMember member, double now)
    {
        if (!_open.Contains(member.Id))
            _open.Add(member.Id);
        member.Start(now);
        PlanDeath(member);
    }

    private void Drain(double now)
    {
        ClusterMember member = _members[_nextDrained];
        _nextDrained = (_nextDrained + 1) % _members.Length;
        if (member is { IsUp: true, IsOpen: true })
        {
            Close(member);
            member.IsDraining = true;
            member.Work.Advance(now);
            PlanWork(member, now);
        }

        _events.Plan(now + _settings.SecondsBetweenDrains, new Event(Kind.Drain));
    }

    private void Close(ClusterMember member)
    {
        member.IsOpen = false;
        _ = _open.Remove(member.Id);
    }

    private readonly record struct Event(Kind Kind, int Member = -1, long Version = 0, Conversation? Conversation = null);
}
