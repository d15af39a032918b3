using MoA.Engine.KvCache;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// FastGen as AnswerDotAI/cold-compress has it (<c>KVCacheHybrid</c>, <c>cache_configs/fastgen.yaml</c>), written down one to one in double precision for one KV head: masks
/// of all queries and keys, slots that are filled and overwritten. A group's attention is the mean of its heads'; the history is all of it.
/// </summary>
internal sealed class FastGenReference
{
    private const int GlobalTokens = 4;

    private readonly HeadRows _rows;
    private readonly int _head;
    private readonly TokenKind[] _kinds;
    private readonly int _maxCacheLength;
    private readonly List<double> _historyNum = [];
    private readonly List<double> _historyDenom = [];
    private int _numPunc;
    private readonly int _numSpecial;
    private readonly int _prompt;

    public FastGenReference(HeadRows rows, int head, TokenKind[] kinds, int prompt, int maxCacheLength, double minRecoveryFrac)
    {
        (_rows, _head, _kinds, _prompt, _maxCacheLength) = (rows, head, kinds, prompt, maxCacheLength);
        _numSpecial = kinds.Take(prompt).Count(kind => kind == TokenKind.Special);
        _numPunc = kinds.Take(prompt).Count(kind => kind == TokenKind.Punctuation);
        double[][] attention = [.. Enumerable.Range(0, prompt).Select(query => Attention(query, [.. Enumerable.Range(0, query + 1)]))];
        double[] cumulated = [.. Enumerable.Range(0, prompt).Select(key => Enumerable.Range(key, prompt - key).Sum(query => attention[query][key]) / (prompt - key))];
        bool[][][] scoring = BuildMasks(cumulated, prompt, prompt);
        Strategy = Enumerable.Range(0, 5).First(strategy =>
            Enumerable.Range(0, prompt).Average(query => Enumerable.Range(0, query + 1).Sum(key => scoring[strategy][query][key] ? attention[query][key] : 0)) >= minRecoveryFrac
            || strategy == 4);
        bool[] filling = BuildMasks(cumulated, prompt, maxCacheLength)[Strategy][^1];
        foreach (int position in Enumerable.Range(0, prompt).Where(position => filling[position]))
        {
            Slots.Add(position);
            _historyNum.Add(cumulated[position]);
            _historyDenom.Add(1);
        }
    }

    /// <summary>special, special_punc, special_punc_heavy_hitter, special_punc_heavy_hitter_window, full.</summary>
    public int Strategy { get; }

    /// <summary>The position in each slot.</summary>
    public List<int> Slots { get; } = [];

    /// <summary>A generated token; gives whether it was inserted.</summary>
    public bool Decode(int inputPos)
    {
        bool isPunc = _kinds[inputPos] == TokenKind.Punctuation, inserted = true;
        int fill = SelectFillIndex(inputPos, isPunc);
        if (fill == Slots.Count)
        {
            Slots.Add(inputPos);
            _historyNum.Add(0);
            _historyDenom.Add(0);
        }
        else if (fill >= 0)
        {
            (Slots[fill], _historyNum[fill], _historyDenom[fill]) = (inputPos, 0, 0);
        }
        else
        {
            inserted = false;
        }

        if (isPunc)
            _numPunc++;
        double[] weights = Attention(inputPos, Slots);
        for (int slot = 0; slot < Slots.Count; slot++)
        {
            _historyNum[slot] += weights[slot];
            _historyDenom[slot]++;
        }

        return inserted;
    }

    private bool[][][] BuildMasks(double[] cumulated, int length, int total)
    {
        List<bool[][]> masks = [];
        for (int strategy = 0; strategy < 5; strategy++)
        {
            bool[][] mask = [.. Enumerable.Range(0, length).Select(_ => new bool[length])];
            int window = Math.Max(1, (int)(0.3 * total));
            for (int query = 0; query < length; query++)
            {
                for (int key = 0; key < length; key++)
                {
                    mask[query][key] = key < GlobalTokens || _kinds[key] == TokenKind.Special || (strategy >= 1 && _kinds[key] == TokenKind.Punctuation)
                        || (strategy == 3 && key >= Math.Max(0, query + 1 - window) && key < query + 1);
                }
            }

            if (strategy is 2 or 3)
            {
                int[] available = [.. Enumerable.Range(0, length).Where(key => !mask[^1][key])];
                int count = (int)Math.Ceiling(Math.Min(0.3 * total, available.Length));
                foreach (int key in available.OrderByDescending(key => cumulated[key]).Take(count).ToArray())
                {
                    foreach (bool[] row in mask)
                        row[key] = true;
                }
            }

            if (strategy == 4)
            {
                foreach (bool[] row in mask)
                    Array.Fill(row, true);
            }

            masks.Add(mask);
        }

        return [.. masks];
    }

    // A slot to overwrite, the next one, or -1 if the token is not kept.
    private int SelectFillIndex(int inputPos, bool isPunc)
    {
        int end = Slots.Count;
        if ((Strategy is 1 or 2 or 3 && isPunc) || Strategy == 4)
            return end;
        int budget = GlobalTokens + _numSpecial;
        if (Strategy >= 1)
            budget += _numPunc;
        int recent = Strategy == 3 ? (int)Math.Round(0.3 * _maxCacheLength) : 0;
        budget += recent + (Strategy is 2 or 3 ? (int)Math.Round(0.3 * _maxCacheLength) : 0);
        if (end < budget)
            return end;
        if (Strategy is not (2 or 3))
            return -1;
        double[] score = [.. Enumerable.Range(0, end).Select(slot => _historyNum[slot] / _historyDenom[slot])];
        for (int slot = 0; slot < end; slot++)
        {
            if (Slots[slot] < GlobalTokens || IsSaved(Slots[slot]) || (Strategy == 3 && Slots[slot] > inputPos - recent))
                score[slot] = double.PositiveInfinity;
        }

        return Array.IndexOf(score, score.Min());

        // special_mask is the prompt's, punc_mask goes on.
        bool IsSaved(int position) => _kinds[position] == TokenKind.Punctuation || (_kinds[position] == TokenKind.Special && position < _prompt);
    }

    private double[] Attention(int query, List<int> keys)
    {
        double[] mean = new double[keys.Count];
        for (int queryHead = _head * _rows.Group; queryHead < (_head + 1) * _rows.Group; queryHead++)
        {
            double[] logits = [.. keys.Select(key => Dot(query * _rows.QueryHeads + queryHead, key * _rows.KeyValueHeads + _head) / Math.Sqrt(_rows.HeadSize))];
            double most = logits.Max(), sum = logits.Sum(logit => Math.Exp(logit - most));
            for (int i = 0; i < mean.Length; i++)
                mean[i] += Math.Exp(logits[i] - most) / sum / _rows.Group;
        }

        return mean;
    }

    private double Dot(int query, int key) =>
        Enumerable.Range(0, _rows.HeadSize).Sum(d => (double)_rows.Queries[query * _rows.HeadSize + d] * _rows.Keys[key * _rows.HeadSize + d]);
}
