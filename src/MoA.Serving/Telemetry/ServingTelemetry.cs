namespace MoA.Serving.Telemetry;

/// <summary>
/// What services tell of themselves to whoever listens: one <see cref="System.Diagnostics.ActivitySource"/> and one
/// <see cref="System.Diagnostics.Metrics.Meter"/> of the same name, with OpenTelemetry's names for generative AI. docs/serving.md lists all of them.
/// </summary>
public static class ServingTelemetry
{
    /// <summary>The name of source and meter: <c>AddSource(ServingTelemetry.Name)</c>, <c>AddMeter(ServingTelemetry.Name)</c>.</summary>
    public const string Name = "MoA";

    /// <summary>The tag that tells services of one process apart: <see cref="ModelService.Instance"/>.</summary>
    public const string InstanceTag = "moa.instance";
}
