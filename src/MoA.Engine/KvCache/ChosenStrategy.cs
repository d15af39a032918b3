using MoA.Engine.Attention;

namespace MoA.Engine.KvCache;

/// <summary>What a head keeps while an answer is written, as its prompt has shown.</summary>
internal sealed class ChosenStrategy
{
    /// <summary>What it keeps.</summary>
    public HeadStrategy Strategy { get; set; }

    /// <summary>Rows at which one goes for one that comes, punctuation not counted.</summary>
    public int Budget { get; set; }

    /// <summary>Recent tokens that do not go.</summary>
    public int Window { get; set; }

    /// <summary>Position behind the prompt.</summary>
    public int PromptEnd { get; set; }

    /// <summary>Whether the newest token's row goes in the next step.</summary>
    public bool IsPassing { get; set; }

    /// <summary>The same choice, which is another one from now on.</summary>
    public ChosenStrategy Copy() => (ChosenStrategy)MemberwiseClone();
}
