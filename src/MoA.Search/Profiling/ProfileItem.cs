using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Search.Calibration;

namespace MoA.Search.Profiling;

/// <summary>
/// One tokenised conversation to profile on: tokens x₀ … xₙ, of which the last is only predicted, and which of them are
/// part of an answer (docs/method.md, section 2).
/// </summary>
internal sealed class ProfileItem
{
    private readonly int[] _lossPositions;

    /// <summary>Checks and keeps an item.</summary>
    /// <param name="tokens">Token ids x₀ … xₙ.</param>
    /// <param name="answers">Token positions that are part of an answer; null: every one. Position 0 is never predicted
    /// and does not count.</param>
    /// <param name="origin">Where the item comes from, for messages: <c>file.jsonl:3</c>.</param>
    /// <exception cref="InvalidInputException">A span does not lie within the tokens.</exception>
    public ProfileItem(IReadOnlyList<int> tokens, IReadOnlyList<AnswerSpan>? answers, string origin)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(origin);
        Tokens = [.. tokens];
        Origin = origin;
        bool[] marks = new bool[Tokens.Length];
        foreach (AnswerSpan span in answers ?? [new AnswerSpan(0, Tokens.Length)])
        {
            if (span.Start < 0 || span.End < span.Start || span.End > Tokens.Length)
            {
                throw new InvalidInputException(
                    $"{origin}: answer [{span.Start}, {span.End}) does not lie within the item's {Tokens.Length} tokens; "
                    + "expected 0 <= start <= end <= tokens");
            }

            marks.AsSpan(span.Start, span.End - span.Start).Fill(true);
        }

        _lossPositions = [.. Enumerable.Range(0, Length).Where(t => marks[t + 1])];
    }

    /// <summary>Where the item comes from.</summary>
    public string Origin { get; }

    /// <summary>n: tokens that are run through the model, one less than there are.</summary>
    public int Length => Math.Max(0, Tokens.Length - 1);

    /// <summary>x₀ … xₙ. Not to be written to.</summary>
    public int[] Tokens { get; }

    /// <summary>The positions t, in order, whose next token is part of an answer. Not to be written to.</summary>
    public ReadOnlySpan<int> LossPositions => _lossPositions;
}
