namespace MoA.Search.Calibration;

/// <summary>An item as the model sees it.</summary>
/// <param name="Tokens">x_0 … x_n.</param>
/// <param name="IsAnswer">For each token whether it is part of an answer, so that its prediction counts; never the first.</param>
/// <param name="Item">Where it comes from.</param>
public sealed record EncodedItem(int[] Tokens, bool[] IsAnswer, CalibrationItem Item)
{
    /// <summary>n: the number of predictions, by which items are assigned to lengths.</summary>
    public int Length => Tokens.Length - 1;

    /// <summary>Number of predictions that count.</summary>
    public int Scored => IsAnswer.Count(marked => marked);
}
