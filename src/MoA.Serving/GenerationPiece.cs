using MoA.Engine.Generation;

namespace MoA.Serving;

/// <summary>What a step has added to a text.</summary>
/// <param name="Text">The text; empty while a character's or a stop string's end is awaited.</param>
/// <param name="Tokens">The tokens that were written.</param>
/// <param name="LogProbabilities">How likely they were, if that was asked for; else empty.</param>
public readonly record struct GenerationPiece(
    string Text, IReadOnlyList<int> Tokens, IReadOnlyList<TokenLogProbability> LogProbabilities);
