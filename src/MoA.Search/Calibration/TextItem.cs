namespace MoA.Search.Calibration;

/// <summary>Plain text: no chat template, and every token but the first counts.</summary>
/// <param name="Text">The text; an empty one has tokens to count but nothing to predict.</param>
internal sealed record TextItem(string Text) : CalibrationItem
{
    /// <inheritdoc/>
    public override bool HasAnswers => Text.Length > 0;
}
