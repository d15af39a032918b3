using System.Runtime.InteropServices;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.KvCache;

/// <summary>
/// Which tokens the rows of a head hold when rows are evicted one by one, and how much attention each token got: entry i
/// belongs to row i.
/// </summary>
internal sealed class HeldTokens
{
    private int[] _positions = [];
    private float[] _scores = [];

    /// <summary>Rows held.</summary>
    public int Count { get; private set; }

    /// <summary>Whether rows were chosen since the last piece of a prompt.</summary>
    public bool IsSettled { get; private set; }

    /// <summary>Tokens added since rows were chosen last.</summary>
    public int Written { get; private set; }

    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Count);

    public Span<float> Scores => _scores.AsSpan(0, Count);

    /// <summary>The same tokens and scores, of which other notes are taken from now on.</summary>
    public HeldTokens Copy() => new() { _positions = Positions.ToArray(), _scores = Scores.ToArray(), Count = Count, IsSettled = IsSettled, Written = Written };

    /// <summary>Makes room for as many rows, so that appending them allocates nothing.</summary>
    public void Reserve(int rows)
    {
        if (rows <= _positions.Length)
            return;
        Array.Resize(ref _positions, rows);
        Array.Resize(ref _scores, rows);
    }

    /// <summary>Adds the tokens of the next rows, their scores zero.</summary>
    /// <param name="position">Position of the first.</param>
    /// <param name="count">How many.</param>
    /// <param name="isPrompt">Whether they are of a prompt, so that rows are to be chosen behind it.</param>
    public void Append(int position, int count, bool isPrompt = false)
    {
        Reserve(Count + count);
        Written += count;
        IsSettled &= !isPrompt;
        for (int i = 0; i < count; i++)
        {
            _positions[Count] = position + i;
            _scores[Count++] = 0;
        }
    }

    /// <summary>Rows have been chosen.</summary>
    public void Settle() => (IsSettled, Written) = (true, 0);

    /// <summary>Keeps some rows, in ascending order.</summary>
    public void Keep(ReadOnlySpan<int> rows)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            _positions[i] = _positions[rows[i]];
            _scores[i] = _scores[rows[i]];
        }

        Count = rows.Length;
    }

    /// <summary>Drops a row; the last one takes its place.</summary>
    public void Drop(int row)
    {
        Count--;
        _positions[row] = _positions[Count];
        _scores[row] = _scores[Count];
    }

    /// <summary>
    /// The rows in the order in which they stay: those of the first and of the recent tokens, then those with the largest pooled scores, the
    /// earlier row of equal ones.
    /// </summary>
    /// <param name="firstTokens">Tokens at the start of the text that stay whatever their scores.</param>
    /// <param name="firstRecent">Position of the first token at its end that does.</param>
    /// <param name="pooling">How scores of neighbouring rows are smoothed.</param>
    public RowRanking Rank(int firstTokens, int firstRecent, ScorePooling pooling)
    {
        int[] rows = new int[Count];
        List<int> others = [];
        List<float> scores = [];
        int sure = 0;
        for (int row = 0; row < Count; row++)
        {
            if (_positions[row] < firstTokens || _positions[row] >= firstRecent)
            {
                rows[sure++] = row;
                continue;
            }

            others.Add(row);
            scores.Add(_scores[row]);
        }

        float[] pooled = pooling.Apply(CollectionsMarshal.AsSpan(scores)), ranked = new float[Count];
        ulong[] order = new ulong[pooled.Length];
        for (int i = 0; i < order.Length; i++)
            order[i] = RowRanking.Falling(pooled[i], i);
        Array.Sort(order);
        for (int i = 0; i < order.Length; i++)
        {
            int other = (int)(uint)order[i];
            (rows[sure + i], ranked[sure + i]) = (others[other], pooled[other]);
        }

        return new RowRanking(rows, ranked, sure);
    }

    /// <summary>
    /// The last row of <see cref="Rank"/> without pooling: the one of least score among those
    /// that are neither first nor recent, the later one of equal ones; the oldest row if there are none.
    /// </summary>
    public int Least(int firstTokens, int firstRecent)
    {
        int least = -1, oldest = 0;
        for (int row = 0; row < Count; row++)
        {
            if (_positions[row] < _positions[oldest])
                oldest = row;
            if (_positions[row] < firstTokens || _positions[row] >= firstRecent)
                continue;
            if (least < 0 || _scores[row] < _scores[least]
                || (_scores[row] == _scores[least] && _positions[row] > _positions[least]))
            {
                least = row;
            }
        }

        return least < 0 ? oldest : least;
    }
}
