namespace MoA.Search.Calibration;

/// <summary>Token positions <c>Start ≤ i &lt; End</c> that belong to an answer. Position i is predicted from the tokens
/// before it, so position 0 never counts.</summary>
/// <param name="Start">First position of the answer, counted from 0.</param>
/// <param name="End">The position after the answer's last one.</param>
public readonly record struct AnswerSpan(int Start, int End);
