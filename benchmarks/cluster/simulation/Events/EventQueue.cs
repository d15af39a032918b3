namespace MoA.Cluster.Simulation.Events;

/// <summary>What is to happen, in the order of time; of two things at one moment, first what was planned first, so that a seed gives one run.</summary>
/// <typeparam name="TEvent">What happens.</typeparam>
internal sealed class EventQueue<TEvent>
{
    private readonly PriorityQueue<TEvent, Moment> _queue = new();
    private long _planned;

    /// <summary>Seconds since the start.</summary>
    public double Now { get; private set; }

    /// <summary>Events that have happened.</summary>
    public long Count { get; private set; }

    /// <summary>Events that are planned.</summary>
    public int Planned => _queue.Count;

    /// <summary>Plans an event.</summary>
    public void Plan(double time, TEvent what)
    {
        if (!(time >= Now) || double.IsInfinity(time))
            throw new InvalidOperationException($"an event at {time} s was planned at {Now} s; expected a later moment");
        _queue.Enqueue(what, new Moment(time, _planned++));
    }

    /// <summary>Goes on to the next event; false where there is none.</summary>
    public bool TryNext(out TEvent what)
    {
        if (!_queue.TryDequeue(out what!, out Moment moment))
            return false;
        (Now, Count) = (moment.Time, Count + 1);
        return true;
    }

    private readonly struct Moment(double time, long order) : IComparable<Moment>
    {
        public double Time { get; } = time;

        private readonly long _order = order;

        public int CompareTo(Moment other) =>
            Time < other.Time ? -1 : Time > other.Time ? 1 : _order.CompareTo(other._order);
    }
}
