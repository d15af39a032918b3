using System.Globalization;
using System.Text.RegularExpressions;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Evaluation.Data;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.InfiniteBench;

/// <summary>InfiniteBench from its published files.</summary>
/// <param name="model">The model that is asked.</param>
/// <param name="files">Where the files are.</param>
/// <param name="maxTokens">Most tokens of a prompt, longer ones lose their middle; null for what the model's context leaves beside the answer.</param>
internal sealed partial class InfiniteBenchTask(LanguageModel model, DataSetFiles files, int? maxTokens)
{
    private const int TemplateReserve = 100;

    /// <summary>The data sets that names stand for; all for none.</summary>
    /// <exception cref="InvalidInputException">There is no such data set.</exception>
    public static IReadOnlyList<InfiniteBenchDataset> Select(IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        IReadOnlyList<InfiniteBenchDataset> known = InfiniteBenchData.Shared.Datasets;
        return names.Count == 0
            ? known
            : [.. names.Select(name => known.FirstOrDefault(dataset => dataset.Name == name) ?? throw new InvalidInputException(
                $"--datasets {name}: InfiniteBench has no such data set; expected {string.Join(", ", known.Select(dataset => dataset.Name))}"))];
    }

    /// <summary>The published file of a data set.</summary>
    public static string FileName(InfiniteBenchDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return $"{dataset.Name}.jsonl";
    }

    /// <summary>Reads a data set.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="mostItems">Only the first items, or all.</param>
    /// <exception cref="InvalidInputException">The file is missing, or a line is not as published; the message names it.</exception>
    public EvaluationSet Read(InfiniteBenchDataset dataset, int? mostItems = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        DataFile file = files.Find(FileName(dataset));
        int context = model.Config.MaxPositions;
        int most = maxTokens ?? Math.Max(context / 2, context - dataset.MaxNewTokens - TemplateReserve);
        BenchmarkPrompt prompts = new(model, most);
        EvaluationItem[] items = [.. DataLine.Read(file).Take(mostItems ?? int.MaxValue).Select(Item)];
        return new EvaluationSet("infinitebench", maxTokens ?? context, dataset.Metric, items) { Dataset = dataset.Name, Source = Path.GetFileName(file.Name) };

        EvaluationItem Item(DataLine line)
        {
            QuestionPrompt prompt = prompts.Encode(Fill(dataset.Context, line), Fill(dataset.Question, line), Fill(dataset.AnswerStart, line));
            return new EvaluationItem(line.Origin, prompt.Tokens, Reference(dataset, line))
            {
                MaxNewTokens = model.RoomFor(prompt.Tokens.Length, dataset.MaxNewTokens, line.Origin),
                QuestionStart = prompt.QuestionStart,
            };
        }
    }

    /// <summary>What a line of a published file says about the right answer: of choices, the text and the letter.</summary>
    /// <exception cref="InvalidInputException">It is no such answer as the data set has.</exception>
    internal static ItemReference Reference(InfiniteBenchDataset dataset, DataLine line)
    {
        IReadOnlyList<string> answers = line.Values("answer");
        if (dataset.Metric == "first-number" && !double.TryParse(answers[0], NumberStyles.Float, CultureInfo.InvariantCulture, out _))
            throw line.Bad("answer", "a number");
        if (dataset.Metric is not ("choice" or "code-choice"))
            return new ItemReference { Answers = answers };
        if (answers.Count == 2 && answers[1] is "A" or "B" or "C" or "D")
            return new ItemReference { Answers = answers };
        int option = Options(line).ToList().IndexOf(answers[0]);
        return answers.Count == 1 && option >= 0
            ? new ItemReference { Answers = [answers[0], ((char)('A' + option)).ToString()] }
            : throw line.Bad("answer", "one of \"options\", or that and its letter");
    }

    /// <summary>Puts a line's texts into a template, in one pass.</summary>
    internal static string Fill(string template, DataLine line) => PlaceHolder().Replace(template, match => match.Groups[1].Value switch
    {
        "context" => line.OptionalText("context") ?? line.Text("content"),
        "input" => line.Text("input"),
        "function" => Call(line).Split('(')[0],
        "call" => Call(line),
        "number" => Number().Match(line.Text("input")) is { Success: true } number
            ? number.Value.ToLowerInvariant()[..^" of".Length]
            : throw line.Bad("input", "a question with \"The … of\""),
        var letter => Options(line)[letter[0] - 'A'],
    });

    private static IReadOnlyList<string> Options(DataLine line) => line.Texts("options") is { Count: 4 } options ? options : throw line.Bad("options", "an array of four texts");

    private static string Call(DataLine line) =>
        FunctionCall().Match(line.Text("input")) is { Success: true } call ? call.Value : throw line.Bad("input", "a question with a call such as func_1(2)");

    [GeneratedRegex(@"\{(context|input|function|call|number|[A-D])\}")]
    private static partial Regex PlaceHolder();

    [GeneratedRegex(@"func_[0-9]+\(-?[0-9]+\)")]
    private static partial Regex FunctionCall();

    [GeneratedRegex("The .+ of")]
    private static partial Regex Number();
}
