namespace MoA.Evaluation.Ruler;

/// <summary>What RULER is made of, and how much of it.</summary>
internal sealed record RulerOptions
{
    /// <summary>The prose that needles are hidden in.</summary>
    public Essays Essays { get; init; } = Essays.StandIn;

    /// <summary>SQuAD's file, a folder that holds it, or null for the hub's cache.</summary>
    public string? Squad { get; init; }

    /// <summary>HotpotQA's file, a folder that holds it, or null for the hub's cache.</summary>
    public string? Hotpot { get; init; }

    /// <summary>Items of each task and length; fewer where a file has fewer questions.</summary>
    public int Items { get; init; } = 100;
}
