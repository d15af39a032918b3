using System.Globalization;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Evaluation.Data;
using MoA.Evaluation.Tasks;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Retrieval;

/// <summary>
/// Published questions of line retrieval: LongEval's <c>{"prompt":…,"expected_number":…,"num_lines":…,"random_idx":…}</c>
/// and MoA's <c>{"question":…,"value":…,"num_lines":…,"key_id":…}</c> (nics-efc/MoA_Long_Retrieval as .jsonl).
/// </summary>
internal static class RetrievalFile
{
    private const int DepthBins = 10;

    /// <summary>Reads a file and deals its questions to lengths.</summary>
    /// <param name="model">The model whose tokens are counted.</param>
    /// <param name="path">The .jsonl file.</param>
    /// <param name="lengths">Lengths in rising order; a question belongs to the smallest that holds it and its answer.</param>
    /// <param name="itemsPerLength">Most questions of a length; depths take turns as far as they are known.</param>
    /// <returns>A set for every length that has questions; longer questions are left out.</returns>
    /// <exception cref="InvalidInputException">A line is no question, or none fits; the message names it.</exception>
    public static IReadOnlyList<EvaluationSet> Read(LanguageModel model, string path, IReadOnlyList<int> lengths, int itemsPerLength)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(lengths);
        QuestionEncoder questions = new(model);
        List<EvaluationItem>[] byLength = [.. lengths.Select(_ => new List<EvaluationItem>())];
        foreach (DataLine line in DataLine.Read(new DataFile(path)))
        {
            EvaluationItem item = Item(questions, line);
            int level = Enumerable.Range(0, lengths.Count).FirstOrDefault(i => item.Length <= lengths[i], -1);
            if (level >= 0)
                byLength[level].Add(item);
        }

        EvaluationSet[] sets =
        [
            .. byLength.Select((items, i) => new EvaluationSet("retrieval", lengths[i], AnswerScorer.For(questions, "last-number"), Spread(items, itemsPerLength))
            {
                DepthBins = DepthBins,
                Source = Path.GetFileName(path),
            }).Where(set => set.Items.Count > 0),
        ];
        return sets.Length > 0
            ? sets
            : throw new InvalidInputException($"{path}: no question fits into {lengths[^1]} tokens; choose longer --lengths");
    }

    /// <summary>What a line asks and expects.</summary>
    internal static (string Prompt, ItemReference Reference) Parse(DataLine line)
    {
        string prompt = line.OptionalText("question") ?? line.OptionalText("prompt")
            ?? throw line.Bad("question", "the prompt, in \"question\" or \"prompt\"");
        int expected = line.OptionalWhole("value") ?? line.OptionalWhole("expected_number")
            ?? throw line.Bad("value", "the number, in \"value\" or \"expected_number\"");
        int? lines = line.OptionalWhole("num_lines"), place = line.OptionalWhole("key_id") ?? LastOf(line, "random_idx");
        double? depth = lines > 0 && place is int at && at <= lines ? (double)at / lines : null;
        return (prompt, new ItemReference { Answers = [expected.ToString(CultureInfo.InvariantCulture)], Depth = depth });
    }

    private static EvaluationItem Item(QuestionEncoder questions, DataLine line)
    {
        (string prompt, ItemReference reference) = Parse(line);
        ChatMessage[] messages = [new(ChatRole.User, prompt)];
        int[] tokens = questions.EncodePrompt(messages);
        return new EvaluationItem(line.Origin, tokens, reference)
        {
            MaxNewTokens = RetrievalEvaluation.MaxAnswerTokens,
            QuestionStart = RetrievalEvaluation.QuestionStart(questions, messages, tokens),
        };
    }

    // LongEval writes the key and its place, [text, n].
    private static int? LastOf(DataLine line, string name) =>
        line.Root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0
            && value[value.GetArrayLength() - 1] is { ValueKind: JsonValueKind.Number } last && last.TryGetInt32(out int place) && place >= 0
            ? place : null;

    private static EvaluationItem[] Spread(List<EvaluationItem> items, int most) =>
    [
        .. items.GroupBy(item => item.Reference.Depth is double depth ? (int)(depth * DepthBins) : 0)
            .SelectMany(bin => bin.Select((item, turn) => (item, turn, bin.Key)))
            .OrderBy(entry => entry.turn).ThenBy(entry => entry.Key).Take(most).Select(entry => entry.item),
    ];
}
