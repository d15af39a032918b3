using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Search.Units;

namespace MoA.Evaluation.Tasks;

/// <summary>Lets a model answer a group of prompts side by side, greedily, through a policy's caches.</summary>
internal sealed class AnswerGenerator(LanguageModel model, ElementType cacheType)
{
    /// <summary>Tokens that went through the model so far.</summary>
    public long Tokens { get; private set; }

    /// <summary>What the last group took, as far as it was computed here.</summary>
    public EvaluationTiming Timing { get; private set; } = new(0, 0);

    /// <summary>The answers in the order of the items.</summary>
    public WrittenAnswer[] Write(AttentionPolicy policy, IReadOnlyList<EvaluationItem> group, CancellationToken cancellation) =>
        Texts(AnswersUnit.Compute(model, policy, cacheType, Questions(group), cancellation));

    /// <summary>The unit of work that has the same answers.</summary>
    public WorkUnit UnitOf(AttentionPolicy policy, IReadOnlyList<EvaluationItem> group) => AnswersUnit.Of(policy, cacheType, Questions(group));

    /// <summary>The answers that a unit's result holds.</summary>
    /// <param name="result">The result.</param>
    /// <param name="questions">How many there were.</param>
    /// <exception cref="MoA.Engine.InvalidInputException">It is no such result.</exception>
    public WrittenAnswer[] Read(ReadOnlyMemory<byte> result, int questions) => Texts(AnswersUnit.ReadResult(result, questions, model.Config));

    private Question[] Questions(IReadOnlyList<EvaluationItem> group) =>
    [
        .. group.Select(item => new Question(
            item.Prompt, item.MaxNewTokens, item.StopTokens.Count == 0 ? model.StopTokens : model.StopTokens.Union(item.StopTokens).ToHashSet(), item.Id)
        {
            MinNewTokens = item.MinNewTokens,
            ContextTokens = item.HidesQuestion ? item.QuestionStart : 0,
        }),
    ];

    private WrittenAnswer[] Texts(GroupAnswers answers)
    {
        Tokens += answers.Processed;
        Timing = new EvaluationTiming(answers.Processed, answers.Seconds)
        {
            PromptTokens = answers.PromptTokens,
            PromptSeconds = answers.PromptSeconds,
            AnswerSeconds = answers.Seconds - answers.PromptSeconds,
        };
        return
        [
            .. answers.Answers.Select(answer => new WrittenAnswer(
                model.RequireTokenizer().Decode(answer.Tokens, skipSpecialTokens: true), answer.Tokens.Length, answer.KvBytes)
            {
                PeakKvBytes = answer.PeakKvBytes,
            }),
        ];
    }
}
