using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.Tests.KvCache;

/// <summary>The rule of a plan with content inside for one KV head, written down over lists of positions: which of them it holds, and what each query saw.</summary>
/// <param name="reference">What rows are worth.</param>
/// <param name="head">The KV head.</param>
/// <param name="policy">Sink, recent window and piece, and whether attention is expected or keys are compared.</param>
/// <param name="theta">RoPE's.</param>
internal sealed class ContentPlanReference(ScorerReference reference, int head, ContentPlanPolicy policy, double theta)
{
    private readonly bool _expectsAttention = policy.Scorer is ExpectedAttentionScorer;
    private readonly List<int> _prompts = [];
    private List<int> _held = [];
    private Dictionary<int, double> _worth = [];
    private int _length;

    /// <summary>For each query the positions that it saw.</summary>
    public List<HashSet<int>> Visible { get; } = [];

    /// <summary>One turn.</summary>
    /// <param name="prompt">Tokens of the prompt.</param>
    /// <param name="steps">Generated tokens, which are read one by one.</param>
    /// <param name="rows">The rows that the plan gives the head.</param>
    /// <returns>What the head holds at the end.</returns>
    public List<int> Run(int prompt, int steps, int rows)
    {
        for (int end = _length + prompt; _length < end;)
        {
            _prompts.Add(_length);
            Add();
            if (_length % policy.PieceTokens == 0 && _held.Count > rows)
                Keep(rows, _length - policy.Recent);
        }

        if (steps == 0)
            return [.. _held];
        Score();
        Keep(rows - 1, _length + 1 - policy.Recent);
        for (int end = _length + steps; _length < end;)
        {
            if (_held.Count >= rows)
            {
                _ = _held.Remove(_held.Where(position => position >= policy.Sink && position < _length + 1 - policy.Recent)
                    .OrderBy(position => _worth.GetValueOrDefault(position)).ThenByDescending(position => position).First());
            }

            Add();
        }

        return [.. _held];
    }

    private void Add()
    {
        _held.Add(_length++);
        Visible.Add([.. _held]);
    }

    private void Score()
    {
        double[] scores = _expectsAttention ? reference.Expected(head, _held, _prompts, 512, 0, theta) : reference.KeyDifference(head, _held);
        _worth = _held.Zip(scores, (position, score) => (position, score + (_expectsAttention ? 0 : 1))).ToDictionary();
    }

    private void Keep(int rows, int firstRecent)
    {
        Score();
        double[] scores = [.. _held.Select(position => position < policy.Sink || position >= firstRecent ? double.MaxValue : _worth[position])];
        _held = ScorerReference.Top(_held, scores, rows);
    }
}
