namespace MoA.Search.Optimization;

/// <summary>
/// The linear programme over the mixtures of known choices: least mean cost such that the mean usage keeps the limits,
/// where each unit beyond a limit costs a penalty. Its dual variables are the prices to look at next; its value bounds
/// the best mixture from above. Revised simplex with a dense inverse: there is one row per limit and one for the weights.
/// </summary>
internal sealed class PriceMaster
{
    private const double Tolerance = 1e-11;
    private const int RefactorInterval = 60;

    private readonly List<(int Row, int Sign, double Limit)> _limits = [];
    private readonly List<PricedChoice> _choices = [];
    private readonly int _size;
    private readonly int _rows;
    private readonly double _penalty;
    private readonly double[] _inverse;
    private readonly double[] _dual;
    private readonly double[] _column;
    private readonly double[] _direction;
    private readonly int[] _basis;
    private readonly double[] _value;
    private int _pivots;

    public PriceMaster(ReadOnlySpan<double> lower, ReadOnlySpan<double> upper, double penalty)
    {
        _rows = lower.Length;
        _penalty = penalty;
        for (int row = 0; row < lower.Length; row++)
        {
            if (double.IsFinite(upper[row]))
                _limits.Add((row, 1, upper[row]));
            if (double.IsFinite(lower[row]))
                _limits.Add((row, -1, -lower[row]));
        }

        _size = _limits.Count + 1;
        _inverse = new double[_size * _size];
        _dual = new double[_size];
        _column = new double[_size];
        _direction = new double[_size];
        _basis = new int[_size];
        _value = new double[_size];
    }

    public IReadOnlyList<PricedChoice> Choices => _choices;

    /// <summary>Objective of the current mixture, penalties included.</summary>
    public double Value { get; private set; }

    /// <summary>How far the mixture is beyond the limits, summed over them.</summary>
    public double Excess { get; private set; }

    public void Add(PricedChoice choice)
    {
        _choices.Add(choice);
        if (_choices.Count == 1)
            StartBasis();
    }

    /// <summary>Solves for the known choices and writes the price of each row.</summary>
    public void Solve(Span<double> prices)
    {
        int degenerate = 0;
        for (int iteration = 0; iteration < 2000; iteration++)
        {
            ComputeDual();
            int entering = Entering(firstOnly: degenerate > 40);
            if (entering < 0)
                break;
            LoadColumn(entering);
            Multiply();
            int leaving = Leaving();
            if (leaving < 0)
                break;
            double step = Pivot(entering, leaving);
            degenerate = step > 1e-13 ? 0 : degenerate + 1;
        }

        ComputeDual();
        prices.Clear();
        for (int limit = 0; limit < _limits.Count; limit++)
            prices[_limits[limit].Row] -= _limits[limit].Sign * Math.Min(0, _dual[limit]);
        ReadValue();
    }

    /// <summary>Weight of each choice in the current mixture; the weights sum to 1.</summary>
    public IEnumerable<(PricedChoice Choice, double Weight)> Mixture()
    {
        for (int i = 0; i < _size; i++)
        {
            int choice = _basis[i] - 2 * _limits.Count;
            if (choice >= 0 && _value[i] > 1e-12)
                yield return (_choices[choice], _value[i]);
        }
    }

    private void StartBasis()
    {
        PricedChoice first = _choices[0];
        int last = _size - 1;
        for (int limit = 0; limit < last; limit++)
        {
            double usage = _limits[limit].Sign * first.Usage[_limits[limit].Row];
            bool keeps = usage <= _limits[limit].Limit;
            int sign = keeps ? 1 : -1;
            _basis[limit] = keeps ? limit : _limits.Count + limit;
            _inverse[limit * _size + limit] = sign;
            _inverse[limit * _size + last] = -sign * usage;
            _value[limit] = sign * (_limits[limit].Limit - usage);
        }

        _basis[last] = 2 * _limits.Count;
        _inverse[last * _size + last] = 1;
        _value[last] = 1;
    }

    private double CostOf(int variable) =>
        variable < _limits.Count ? 0
        : variable < 2 * _limits.Count ? _penalty
        : _choices[variable - 2 * _limits.Count].Cost;

    private void ComputeDual()
    {
        Array.Clear(_dual);
        for (int i = 0; i < _size; i++)
        {
            double cost = CostOf(_basis[i]);
            if (cost == 0)
                continue;
            for (int j = 0; j < _size; j++)
                _dual[j] += cost * _inverse[i * _size + j];
        }
    }

    /// <summary>The variable of most negative reduced cost (or, against cycling, the first such), or -1.</summary>
    private int Entering(bool firstOnly)
    {
        int best = -1;
        double least = -Tolerance * Math.Max(1, Math.Abs(Value));
        int count = 2 * _limits.Count + _choices.Count;
        for (int variable = 0; variable < count; variable++)
        {
            double reduced = ReducedCost(variable);
            if (reduced >= least)
                continue;
            best = variable;
            least = reduced;
            if (firstOnly)
                break;
        }

        return best;
    }

    private double ReducedCost(int variable)
    {
        if (variable < _limits.Count)
            return -_dual[variable];
        if (variable < 2 * _limits.Count)
            return _penalty + _dual[variable - _limits.Count];
        PricedChoice choice = _choices[variable - 2 * _limits.Count];
        double reduced = choice.Cost - _dual[_size - 1];
        for (int limit = 0; limit < _limits.Count; limit++)
            reduced -= _dual[limit] * _limits[limit].Sign * choice.Usage[_limits[limit].Row];
        return reduced;
    }

    private void LoadColumn(int variable)
    {
        Array.Clear(_column);
        if (variable < _limits.Count)
        {
            _column[variable] = 1;
        }
        else if (variable < 2 * _limits.Count)
        {
            _column[variable - _limits.Count] = -1;
        }
        else
        {
            PricedChoice choice = _choices[variable - 2 * _limits.Count];
            for (int limit = 0; limit < _limits.Count; limit++)
                _column[limit] = _limits[limit].Sign * choice.Usage[_limits[limit].Row];
            _column[_size - 1] = 1;
        }
    }

    private void Multiply()
    {
        for (int i = 0; i < _size; i++)
        {
            double sum = 0;
            for (int j = 0; j < _size; j++)
                sum += _inverse[i * _size + j] * _column[j];
            _direction[i] = sum;
        }
    }

    private int Leaving()
    {
        int leaving = -1;
        double least = double.PositiveInfinity;
        for (int i = 0; i < _size; i++)
        {
            if (_direction[i] <= 1e-10)
                continue;
            double ratio = Math.Max(0, _value[i]) / _direction[i];
            bool better = ratio < least - 1e-14
                || (ratio <= least + 1e-14 && leaving >= 0 && _direction[i] > _direction[leaving]);
            if (better)
            {
                least = Math.Min(least, ratio);
                leaving = i;
            }
        }

        return leaving;
    }

    private double Pivot(int entering, int leaving)
    {
        double step = Math.Max(0, _value[leaving]) / _direction[leaving];
        double scale = 1 / _direction[leaving];
        for (int j = 0; j < _size; j++)
            _inverse[leaving * _size + j] *= scale;
        for (int i = 0; i < _size; i++)
        {
            double factor = _direction[i];
            if (i == leaving || factor == 0)
                continue;
            for (int j = 0; j < _size; j++)
                _inverse[i * _size + j] -= factor * _inverse[leaving * _size + j];
            _value[i] -= factor * step;
        }

        _value[leaving] = step;
        _basis[leaving] = entering;
        if (++_pivots % RefactorInterval == 0)
            Refactor();
        return step;
    }

    /// <summary>Recomputes the inverse and the values from the basis, so that rounding does not build up.</summary>
    private void Refactor()
    {
        double[] matrix = new double[_size * _size];
        for (int j = 0; j < _size; j++)
        {
            LoadColumn(_basis[j]);
            for (int i = 0; i < _size; i++)
                matrix[i * _size + j] = _column[i];
        }

        if (!DenseInverse.TryInvert(matrix, _size, _inverse))
            return;
        for (int i = 0; i < _size; i++)
        {
            double sum = _inverse[i * _size + _size - 1];
            for (int limit = 0; limit < _limits.Count; limit++)
                sum += _inverse[i * _size + limit] * _limits[limit].Limit;
            _value[i] = sum;
        }
    }

    private void ReadValue()
    {
        Value = 0;
        Excess = 0;
        for (int i = 0; i < _size; i++)
        {
            Value += CostOf(_basis[i]) * _value[i];
            if (_basis[i] >= _limits.Count && _basis[i] < 2 * _limits.Count)
                Excess += Math.Max(0, _value[i]);
        }
    }
}
