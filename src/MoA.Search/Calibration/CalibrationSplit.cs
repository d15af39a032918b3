namespace MoA.Search.Calibration;

/// <summary>
/// What a set of generated documents is for. The answers of the three splits are disjoint by construction (every possible
/// answer belongs to one of them), so whatever the seeds, no item of one set can turn up in another.
/// </summary>
internal enum CalibrationSplit
{
    /// <summary>Items whose gradients are profiled.</summary>
    Calibration = 0,

    /// <summary>Items the plan is chosen by.</summary>
    Validation = 1,

    /// <summary>Items accuracy is measured on.</summary>
    Evaluation = 2,
}
