using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>An item as the model sees it.</summary>
/// <param name="Tokens">x_0 … x_n.</param>
/// <param name="IsAnswer">For each token whether it is part of an answer, so that its prediction counts; never the first.</param>
/// <param name="Item">Where it comes from.</param>
internal sealed record EncodedItem(int[] Tokens, bool[] IsAnswer, CalibrationItem Item)
{
    /// <summary>n: the number of predictions, by which items are assigned to lengths.</summary>
    public int Length => Tokens.Length - 1;

    /// <summary>Number of predictions that count.</summary>
    public int Scored => IsAnswer.Count(marked => marked);

    /// <summary>The marked positions as spans.</summary>
    public IReadOnlyList<AnswerSpan> AnswerSpans()
    {
        List<AnswerSpan> spans = [];
        for (int i = 0; i < IsAnswer.Length; i++)
        {
            if (!IsAnswer[i])
                continue;
            int start = i;
            while (i < IsAnswer.Length && IsAnswer[i])
                i++;
            spans.Add(new AnswerSpan(start, i));
        }

        return spans;
    }
}
