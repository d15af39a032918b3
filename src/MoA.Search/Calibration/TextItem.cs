namespace MoA.Search.Calibration;

/// <summary>Plain text: no chat template, and every token but the first counts.</summary>
/// <param name="Text">The text, not empty.</param>
public sealed record TextItem(string Text) : CalibrationItem
{
    /// <inheritdoc/>
    public override bool HasAnswers => true;
}
