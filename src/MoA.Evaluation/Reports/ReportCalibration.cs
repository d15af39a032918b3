namespace MoA.Evaluation.Reports;

/// <summary>The calibration items of one length.</summary>
/// <param name="Length">Length in tokens that the items were made for.</param>
/// <param name="Items">Items used.</param>
/// <param name="Skipped">Items left out because their length did not fit.</param>
/// <param name="MeanTokens">Mean tokens of an item.</param>
/// <param name="MeanAnswerTokens">Mean tokens of an item that count in its loss.</param>
/// <param name="MeanLoss">Mean answer loss of the dense model in nats; null when it was not measured.</param>
/// <param name="OwnAnswers">Whether the model wrote the answers itself.</param>
public sealed record ReportCalibration(
    int Length,
    int Items,
    int Skipped,
    double MeanTokens,
    double MeanAnswerTokens,
    double? MeanLoss,
    bool OwnAnswers);
