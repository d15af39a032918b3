namespace MoA.Engine.Tokenization;

/// <summary>An assistant's answer within a token sequence: positions Start ≤ i &lt; End, its end-of-turn token included.</summary>
/// <param name="Start">The first token of the answer.</param>
/// <param name="End">One past its last token.</param>
internal readonly record struct AnswerSpan(int Start, int End);
