namespace MoA.Search.Optimization;

/// <summary>The part of a column pool that a node of the search still allows, copied together.</summary>
internal sealed class NodeProgramme : IPricedProgramme
{
    private readonly ColumnPool _pool;
    private readonly int[] _column;
    private readonly int[] _start;
    private readonly double[] _cost;
    private readonly double[][] _usage;
    private readonly double[] _priced;

    public NodeProgramme(ColumnPool pool, ColumnSet allowed)
    {
        _pool = pool;
        _column = allowed.ToArray();
        _cost = new double[_column.Length];
        _priced = new double[_column.Length];
        _usage = [.. pool.Usage.Select(_ => new double[_column.Length])];
        _start = new int[pool.Groups + 1];
        for (int i = 0; i < _column.Length; i++)
        {
            _cost[i] = pool.Cost[_column[i]];
            for (int row = 0; row < _usage.Length; row++)
                _usage[row][i] = pool.Usage[row][_column[i]];
            _start[pool.GroupOf[_column[i]] + 1]++;
        }

        for (int group = 0; group < pool.Groups; group++)
            _start[group + 1] += _start[group];
        LastWork = (long)_column.Length * (_usage.Length + 3) + pool.Groups * (_usage.Length + 2L);
    }

    public long LastWork { get; }

    /// <summary>The allowed columns, ascending.</summary>
    public ReadOnlySpan<int> Columns => _column;

    /// <summary>Whether some group has no column left.</summary>
    public bool IsEmpty
    {
        get
        {
            for (int group = 0; group < _pool.Groups; group++)
            {
                if (_start[group] == _start[group + 1])
                    return true;
            }

            return false;
        }
    }

    public ReadOnlySpan<int> ColumnsOf(int group) => _column.AsSpan(_start[group].._start[group + 1]);

    public double Price(ReadOnlySpan<double> prices, PricedChoice choice)
    {
        PricedCosts.Combine(_cost, _usage, prices, _priced);
        choice.Cost = 0;
        Array.Clear(choice.Usage);
        double value = 0;
        for (int group = 0; group < _pool.Groups; group++)
        {
            int best = _start[group];
            for (int i = best + 1; i < _start[group + 1]; i++)
            {
                if (_priced[i] < _priced[best])
                    best = i;
            }

            value += _priced[best];
            choice.Chosen[group] = _column[best];
            choice.Cost += _cost[best];
            for (int row = 0; row < _usage.Length; row++)
                choice.Usage[row] += _usage[row][best];
        }

        return value;
    }

    /// <summary>Removes columns whose priced cost is more than a distance above the least of their group.</summary>
    /// <returns>The number of columns removed.</returns>
    public int RemoveBeyond(ReadOnlySpan<double> prices, double distance, ColumnSet allowed)
    {
        PricedCosts.Combine(_cost, _usage, prices, _priced);
        int removed = 0;
        for (int group = 0; group < _pool.Groups; group++)
        {
            double least = double.PositiveInfinity;
            for (int i = _start[group]; i < _start[group + 1]; i++)
                least = Math.Min(least, _priced[i]);
            for (int i = _start[group]; i < _start[group + 1]; i++)
            {
                if (_priced[i] - least > distance)
                {
                    allowed.Remove(_column[i]);
                    removed++;
                }
            }
        }

        return removed;
    }
}
