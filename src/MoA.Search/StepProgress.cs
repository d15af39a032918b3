namespace MoA.Search;

/// <summary>How far a step of a search has come.</summary>
/// <param name="Step">calibrate, profile, optimize, validate or evaluate.</param>
/// <param name="Item">What was just finished, in words.</param>
/// <param name="Done">Items finished.</param>
/// <param name="Total">Items in all.</param>
/// <param name="Tokens">Tokens that this step has processed in this run (0 where it processes none).</param>
/// <param name="Unit">What is counted, such as MiB; empty where it is items.</param>
public sealed record StepProgress(string Step, string Item, int Done, int Total, long Tokens, string Unit = "")
{
    /// <summary>Tells of a step only what is further than what was told before: what others have done is counted again when it is used.</summary>
    internal static Action<StepProgress>? Rising(Action<StepProgress>? progress)
    {
        if (progress is null)
            return null;
        Dictionary<string, int> told = [];
        return step =>
        {
            if (step.Done <= told.GetValueOrDefault(step.Step))
                return;
            told[step.Step] = step.Done;
            progress(step);
        };
    }
}
