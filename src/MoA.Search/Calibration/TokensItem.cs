using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>An already tokenised item.</summary>
/// <param name="Tokens">Token ids, at least one, none negative. Whether they lie in a vocabulary is for the model to say.</param>
/// <param name="Answers">Spans of answer positions, sorted, apart from each other and within the tokens; null when the file
/// gives none, and then every token but the first counts.</param>
internal sealed record TokensItem(IReadOnlyList<int> Tokens, IReadOnlyList<AnswerSpan>? Answers) : CalibrationItem
{
    /// <inheritdoc/>
    public override bool HasAnswers =>
        Answers is null ? Tokens.Count > 1 : Answers.Any(span => span.End > Math.Max(span.Start, 1));

    /// <summary>Equal labels, tokens and answers.</summary>
    public bool Equals(TokensItem? other) =>
        base.Equals(other) && Tokens.SequenceEqual(other!.Tokens)
        && (Answers is null ? other.Answers is null : other.Answers is not null && Answers.SequenceEqual(other.Answers));

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(base.GetHashCode(), Tokens.Count, Tokens.Count > 0 ? Tokens[^1] : 0, Answers?.Count);
}
