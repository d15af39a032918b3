using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Evaluation.Tasks;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Perplexity;

/// <summary>Perplexity of answers, or of all tokens, in conversations of given lengths.</summary>
/// <param name="model">The model.</param>
/// <param name="allTokens">Whether every token counts rather than those of answers.</param>
internal sealed class PerplexityTask(LanguageModel model, bool allTokens)
{
    /// <summary>Generated conversations of a length, with reference answers: none of those that plans are searched with.</summary>
    /// <param name="length">Most tokens of a conversation.</param>
    /// <param name="items">Number of conversations.</param>
    /// <param name="seed">The same seed gives the same conversations.</param>
    /// <exception cref="InvalidInputException">The length is too short or too long.</exception>
    public EvaluationSet Generate(int length, int items, ulong seed)
    {
        QuestionEncoder questions = new(model);
        IReadOnlyList<GeneratedItem> generated = CalibrationMix.Create(
            CalibrationSplit.Evaluation, [length], items, seed, questions.CreateCounter(0));
        return Set(length, [.. generated.Select((item, i) => Item(questions.Document(item.Conversation), $"{length}/{i}"))], $"generated, seed {seed}");
    }

    /// <summary>Conversations or texts of a file, dealt to lengths.</summary>
    /// <param name="path">The .jsonl file.</param>
    /// <param name="lengths">Lengths in rising order, each item in the smallest that holds it; null for one set of all.</param>
    /// <param name="itemsPerLength">Only the first items of each length, or all.</param>
    /// <exception cref="InvalidInputException">A line cannot be used, or no item fits.</exception>
    public IReadOnlyList<EvaluationSet> Read(string path, IReadOnlyList<int>? lengths, int? itemsPerLength)
    {
        EvaluationItem[] items = [.. ConversationFile.Read(path, requireAnswers: !allTokens).Select(item => Item(item, item.Origin))];
        lengths ??= [items.Max(item => item.Length)];
        EvaluationSet[] sets =
        [
            .. lengths.Select((length, i) => Set(
                length,
                [.. items.Where(item => item.Length <= length && (i == 0 || item.Length > lengths[i - 1])).Take(itemsPerLength ?? int.MaxValue)],
                Path.GetFileName(path))).Where(set => set.Items.Count > 0),
        ];
        return sets.Length > 0
            ? sets
            : throw new InvalidInputException($"{path}: no item fits into {lengths[^1]} tokens; choose longer --lengths");
    }

    private EvaluationSet Set(int length, IReadOnlyList<EvaluationItem> items, string source) =>
        new("perplexity", length, AnswerScorer.CrossEntropy, items) { Dataset = allTokens ? "all-tokens" : null, Source = source };

    private EvaluationItem Item(CalibrationItem item, string id)
    {
        EncodedItem encoded = new ItemEncoder(model).Encode(item);
        bool[] marks = encoded.IsAnswer;
        if (allTokens)
        {
            Array.Fill(marks, true);
            marks[0] = false; // nothing stands before it
        }

        return new EvaluationItem(id, encoded.Tokens, new ItemReference()) { IsScored = marks };
    }
}
