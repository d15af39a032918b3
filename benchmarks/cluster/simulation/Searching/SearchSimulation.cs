using MoA.Cluster.Simulation.Events;
using MoA.Search.Units;

namespace MoA.Cluster.Simulation.Searching;

/// <summary>
/// A coordinator that hands units to members and takes their results, by the product's own <see cref="UnitSchedule"/>: each member has a unit under way and, while there are enough,
/// one that waits there; a result comes over the coordinator's one link and is taken in by its one loop.
/// </summary>
internal sealed class SearchSimulation
{
    private readonly SearchSettings _settings;
    private readonly EventQueue<Event> _events = new();
    private readonly UnitSchedule _schedule;
    private readonly Worker[] _workers;
    private readonly double[] _unitSeconds;
    private readonly Queue<Errand> _sent = new();
    private Randomness _failures;
    private Worker[] _usable = [];
    private string[] _names = [];
    private Errand? _receiving;
    private double _coordinatorFree;
    private double _linkSeconds;
    private int _taken;
    private int _delivered;
    private int _mostHeld;
    private int _lost;
    private int _handedOut;

    public SearchSimulation(SearchSettings settings)
    {
        _settings = settings;
        Randomness random = new(settings.Seed, 1);
        _failures = new(settings.Seed, 2);
        _unitSeconds = new double[settings.Units];
        for (int i = 0; i < _unitSeconds.Length; i++)
            _unitSeconds[i] = settings.UnitSeconds.Draw(ref random);
        _workers = new Worker[settings.Members];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Worker($"member {i}", settings.Slowness.Draw(ref random));
            PlanDeath(_workers[i]);
        }

        WorkUnit unit = new("simulated", [], "a simulated unit");
        _schedule = new UnitSchedule([.. Enumerable.Repeat(unit, settings.Units)], settings.InOrder, (_, _) =>
        {
            _delivered++;
            return null;
        });
    }

    private enum Kind
    {
        Computed,
        Received,
        Taken,
        Death,
        Detected,
        Start,
    }

    private enum State
    {
        Waiting,
        Computing,
        Sending,
        Received,
    }

    // Units that nobody has.
    private int Free => _settings.Units - _taken - _handedOut;

    private double LinkSeconds => _settings.ResultBytes / _settings.BytesPerSecond;

    /// <summary>Runs until the last result is taken.</summary>
    public SearchResult Run()
    {
        NoteUsable();
        HandOut();
        while (!_schedule.IsDone && _events.TryNext(out Event next))
            Happen(next);
        double seconds = _events.Now;
        return new SearchResult
        {
            Seconds = seconds,
            Efficiency = _unitSeconds.Sum() / (seconds * _settings.Members),
            Lost = _lost,
            LinkBusy = _linkSeconds / seconds,
            CoordinatorBusy = _taken * _settings.CoordinatorSeconds / seconds,
            MostHeld = _mostHeld,
        };
    }

    private void Happen(Event what)
    {
        switch (what.Kind)
        {
            case Kind.Computed when !what.Errand!.IsVoid:
                Send(what.Errand);
                break;
            case Kind.Received when !what.Errand!.IsVoid:
                Receive(what.Errand);
                break;
            case Kind.Taken:
                Take(what.Errand!);
                break;
            case Kind.Death when what.Worker.Starts == what.Version:
                Die(what.Worker);
                break;
            case Kind.Detected:
                Detect(what.Worker);
                break;
            case Kind.Start:
                (what.Worker.IsUp, what.Worker.IsKnownDead) = (true, false);
                what.Worker.Starts++;
                PlanDeath(what.Worker);
                NoteUsable();
                HandOut();
                break;
        }
    }

    // As the product's dispatch does.
    private void HandOut()
    {
        foreach (int most in (ReadOnlySpan<int>)[1, 2])
        {
            foreach (Worker worker in _usable)
            {
                // Near the end a unit goes to who begins it first.
                if (worker.Errands.Count >= most || (most > 1 && Free < _usable.Length))
                    continue;
                if (!_schedule.TryTake(worker.Name, _names, out int index, out _))
                    continue;
                Errand errand = new(worker, index);
                worker.Errands.Add(errand);
                _handedOut++;
                Compute(worker);
            }
        }
    }

    private void Compute(Worker worker)
    {
        if (!worker.IsUp || worker.Errands.Any(errand => errand.State == State.Computing))
            return;
        if (worker.Errands.Find(errand => errand.State == State.Waiting) is not Errand next)
            return;
        next.State = State.Computing;
        _events.Plan(_events.Now + _unitSeconds[next.Index] * worker.Slowness, new Event(Kind.Computed, worker, next));
    }

    private void Send(Errand errand)
    {
        errand.State = State.Sending;
        Compute(errand.Worker);
        _sent.Enqueue(errand);
        ReceiveNext();
    }

    // One after the other; of members that died meanwhile nothing comes.
    private void ReceiveNext()
    {
        if (_receiving is { IsVoid: false })
            return;
        _receiving = null;
        while (_receiving is null && _sent.TryDequeue(out Errand? next))
            _receiving = next.IsVoid ? null : next;
        if (_receiving is not null)
            _events.Plan(_events.Now + LinkSeconds, new Event(Kind.Received, _receiving.Worker, _receiving));
    }

    private void Receive(Errand errand)
    {
        errand.State = State.Received;
        _receiving = null;
        _linkSeconds += LinkSeconds;
        _coordinatorFree = Math.Max(_coordinatorFree, _events.Now) + _settings.CoordinatorSeconds;
        _events.Plan(_coordinatorFree, new Event(Kind.Taken, errand.Worker, errand));
        ReceiveNext();
    }

    private void Take(Errand errand)
    {
        _ = errand.Worker.Errands.Remove(errand);
        _taken++;
        _handedOut--;
        _mostHeld = Math.Max(_mostHeld, _taken - _delivered);
        _schedule.Finish(errand.Index, ReadOnlyMemory<byte>.Empty);
        HandOut();
    }

    private void Die(Worker worker)
    {
        worker.IsUp = false;
        foreach (Errand errand in worker.Errands)
            errand.IsVoid = errand.State != State.Received;
        ReceiveNext();
        _events.Plan(_events.Now + _settings.DetectionSeconds, new Event(Kind.Detected, worker));
        _events.Plan(_events.Now + Math.Max(_settings.RestartSeconds, _settings.DetectionSeconds), new Event(Kind.Start, worker));
    }

    private void Detect(Worker worker)
    {
        foreach (Errand errand in worker.Errands.Where(errand => errand.IsVoid))
        {
            _schedule.GiveBack(errand.Index);
            _handedOut--;
            _lost += errand.State == State.Waiting ? 0 : 1;
        }

        _ = worker.Errands.RemoveAll(errand => errand.IsVoid);
        worker.IsKnownDead = true;
        NoteUsable();
        HandOut();
    }

    private void PlanDeath(Worker worker)
    {
        if (!double.IsInfinity(_settings.MeanSecondsToDeath))
            _events.Plan(_events.Now - _settings.MeanSecondsToDeath * Math.Log(_failures.Uniform()), new Event(Kind.Death, worker, null, worker.Starts));
    }

    private void NoteUsable()
    {
        _usable = [.. _workers.Where(worker => !worker.IsKnownDead)];
        _names = [.. _usable.Select(worker => worker.Name)];
    }

    private sealed class Worker(string name, double slowness)
    {
        public string Name { get; } = name;

        public double Slowness { get; } = slowness;

        public List<Errand> Errands { get; } = [];

        public bool IsUp { get; set; } = true;

        public bool IsKnownDead { get; set; }

        public int Starts { get; set; }
    }

    private sealed class Errand(Worker worker, int index)
    {
        public Worker Worker { get; } = worker;

        public int Index { get; } = index;

        public State State { get; set; }

        public bool IsVoid { get; set; }
    }

    private readonly record struct Event(Kind Kind, Worker Worker, Errand? Errand = null, int Version = 0);
}
