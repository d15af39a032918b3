using MoA.Engine.Numerics;
using MoA.Search.Units;

namespace MoA.Evaluation.Tasks;

/// <summary>How an evaluation runs.</summary>
internal sealed record EvaluationSettings
{
    /// <summary>The folder in which result folders are made.</summary>
    public required string Folder { get; init; }

    /// <summary>Format of the cached rows.</summary>
    public ElementType CacheType { get; init; } = ElementType.BF16;

    /// <summary>Score texts through decode steps, one for each scored token, rather than through prefill.</summary>
    public bool ScoreThroughDecode { get; init; }

    /// <summary>Scores the answers.</summary>
    public AnswerScorer Scorer { get; init; } = new();

    /// <summary>Others who compute what the folders lack (<see cref="EvaluationRun.Share"/>); null for none.</summary>
    public IUnitWorkers? Workers { get; init; }

    /// <summary>Items that are to come in all, for progress.</summary>
    public int Total { get; init; }
}
