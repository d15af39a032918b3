namespace MoA.Engine.Generation;

/// <summary>What drafting from a text's own words came to.</summary>
/// <param name="Steps">Decode steps, those without drafts included.</param>
/// <param name="Drafted">Tokens drafted.</param>
/// <param name="Accepted">Those of them that the model drew too: tokens written without a step of their own.</param>
internal readonly record struct LookupCounts(int Steps, int Drafted, int Accepted)
{
    /// <summary>Tokens written a decode step; 0 if there was none.</summary>
    public double TokensPerStep => Steps == 0 ? 0 : (Steps + Accepted) / (double)Steps;
}
