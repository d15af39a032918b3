using System.Runtime.InteropServices;

namespace MoA.Engine.Generation;

/// <summary>
/// Drafts a sequence's next tokens from its own text: what followed the last three tokens, or else the last two, where they came
/// before, most recently (Saxena: Prompt Lookup Decoding, 2023). One decode step reads all drafts, and those are accepted that are
/// drawn anyway, so nothing but the number of steps depends on them. Drafts grow while they are right. Credit is counted in steps: an
/// accepted draft earns the one that it saved, each draft costs what it adds to a step, and without credit drafting rests, twice as
/// long each time. For one sequence; allocates nothing within its room.
/// </summary>
internal sealed class PromptLookup
{
    /// <summary>Most tokens of a draft.</summary>
    public const int MostTokens = 8;

    private const double MostCredit = 4;
    private const double Stake = 1;
    private const int ShortestRest = 16;
    private const int LongestRest = 256;
    private const int None = -1;

    private readonly List<int> _tokens;
    private readonly Dictionary<(int, int, int), int> _following;
    private int _source = None;
    private int _length = MostTokens / 2;
    private double _credit = MostCredit;
    private int _rest = ShortestRest;
    private int _restsUntil;

    /// <summary>A lookup in an empty text.</summary>
    /// <param name="tokens">Room for tokens.</param>
    public PromptLookup(int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        _tokens = new List<int>(tokens);
        _following = new Dictionary<(int, int, int), int>(2 * tokens);
    }

    /// <summary>What came of it so far.</summary>
    public LookupCounts Counts { get; private set; }

    /// <summary>Appends tokens to the text.</summary>
    public void Read(ReadOnlySpan<int> tokens)
    {
        foreach (int token in tokens)
        {
            _tokens.Add(token);
            int count = _tokens.Count;
            int two = count < 2 ? None : Note((None, _tokens[^2], token));
            int three = count < 3 ? None : Note((_tokens[^3], _tokens[^2], token));
            _source = three != None ? three : two;
        }
    }

    /// <summary>Writes the tokens that may follow; returns how many.</summary>
    internal int Draft(Span<int> draft)
    {
        if (_source == None || _tokens.Count < _restsUntil)
            return 0;
        int count = Math.Min(draft.Length, _length);
        for (int i = 0; i < count; i++)
        {
            // A text that repeats itself goes on with what was drafted last.
            int source = _source + i;
            draft[i] = source < _tokens.Count ? _tokens[source] : draft[source - _tokens.Count];
        }

        return count;
    }

    /// <summary>Takes note of a decode step, after its tokens were read.</summary>
    /// <param name="drafted">Tokens drafted.</param>
    /// <param name="accepted">Those of them that were drawn: each saved a step.</param>
    /// <param name="cost">What a draft costs, as a share of a step.</param>
    internal void Note(int drafted, int accepted, double cost)
    {
        Counts = new LookupCounts(Counts.Steps + 1, Counts.Drafted + drafted, Counts.Accepted + accepted);
        if (drafted == 0)
            return;
        _length = accepted == drafted ? Math.Min(Math.Max(_length, 2 * drafted), MostTokens) : Math.Max(accepted, 1);
        _credit = Math.Min(_credit + accepted - cost * drafted, MostCredit);
        if (_credit == MostCredit)
            _rest = ShortestRest;
        if (_credit > 0)
            return;
        _restsUntil = _tokens.Count + _rest;
        _rest = Math.Min(2 * _rest, LongestRest);
        _credit = Stake;
    }

    // Where the text goes on after the same tokens before; from now on it is here.
    private int Note((int, int, int) tokens)
    {
        ref int following = ref CollectionsMarshal.GetValueRefOrAddDefault(_following, tokens, out bool known);
        int before = known ? following : None;
        following = _tokens.Count;
        return before;
    }
}
