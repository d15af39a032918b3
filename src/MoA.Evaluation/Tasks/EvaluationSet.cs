using MoA.Engine;

namespace MoA.Evaluation.Tasks;

/// <summary>Items that are scored together: one data set at one length.</summary>
/// <param name="Task">The task's name on the command line: retrieval, needle, longbench and so on.</param>
/// <param name="Length">Most tokens of prompt and answer together; densities are stated at this length.</param>
/// <param name="Metric">How answers are scored, a name of <see cref="AnswerScorer"/>.</param>
/// <param name="Items">The items.</param>
internal sealed record EvaluationSet(string Task, int Length, string Metric, IReadOnlyList<EvaluationItem> Items)
{
    /// <summary>The data set of the task, where it has several; else null.</summary>
    public string? Dataset { get; init; }

    /// <summary>Number of equal bins of depth to report, or 0.</summary>
    public int DepthBins { get; init; }

    /// <summary>Where the items come from, for the record: a file, or the seed they were generated from.</summary>
    public string Source { get; init; } = "";

    /// <summary>Task and data set in one word, as in the names of result folders.</summary>
    public string Name => Dataset is null ? Task : $"{Task}-{Dataset}";

    /// <summary>The same items as a data set of its own, their questions hidden until the policy has chosen what to keep of the context.</summary>
    /// <exception cref="InvalidInputException">An item's prompt does not end with a question.</exception>
    public EvaluationSet WithHiddenQuestions() => this with
    {
        Dataset = Dataset is null ? "hidden" : $"{Dataset}_hidden",
        Items = [.. Items.Select(item => item.QuestionStart > 0
            ? item with { HidesQuestion = true }
            : throw new InvalidInputException($"{item.Id}: the prompt does not end with a question that could be hidden"))],
    };

    /// <summary>Checks that every item's reference can be scored, before a model runs for hours.</summary>
    /// <exception cref="InvalidInputException">A reference is not what the metric needs; the message names the item.</exception>
    public EvaluationSet Checked(AnswerScorer scorer)
    {
        ArgumentNullException.ThrowIfNull(scorer);
        foreach (EvaluationItem item in Items)
        {
            try
            {
                _ = scorer.Score(Metric, "", item.Reference);
            }
            catch (InvalidInputException failure)
            {
                throw new InvalidInputException($"{item.Id}: {failure.Message}", failure);
            }
        }

        return this;
    }
}
