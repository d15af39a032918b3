using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Evaluation.Data;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.LvEval;

/// <summary>LV-Eval from its published files <c>name_16k.jsonl</c>, plain or in zip archives.</summary>
/// <param name="model">The model that is asked.</param>
/// <param name="files">Where the files are.</param>
/// <param name="maxTokens">Most tokens of a prompt; longer ones lose their middle.</param>
internal sealed class LvEvalTask(LanguageModel model, DataSetFiles files, int maxTokens)
{
    /// <summary>The data sets that names stand for; all for none.</summary>
    /// <exception cref="InvalidInputException">There is no such data set.</exception>
    public static IReadOnlyList<LvEvalDataset> Select(IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        IReadOnlyList<LvEvalDataset> known = LvEvalData.Shared.Datasets;
        return names.Count == 0
            ? known
            : [.. names.Select(name => known.FirstOrDefault(dataset => dataset.Name == name) ?? throw new InvalidInputException(
                $"--datasets {name}: LV-Eval has no such data set; expected {string.Join(", ", known.Select(dataset => dataset.Name))}"))];
    }

    /// <summary>Checks the names of levels such as 16k; the shortest for none.</summary>
    /// <exception cref="InvalidInputException">There is no such level.</exception>
    public static IReadOnlyList<string> SelectLevels(IReadOnlyList<string> levels)
    {
        ArgumentNullException.ThrowIfNull(levels);
        string? unknown = levels.FirstOrDefault(level => !LvEvalData.Shared.Levels.Contains(level));
        return unknown is not null
            ? throw new InvalidInputException($"--levels {unknown}: expected {string.Join(", ", LvEvalData.Shared.Levels)}")
            : levels.Count > 0 ? levels : [.. LvEvalData.Shared.Levels.Take(1)];
    }

    /// <summary>Reads a data set at a level.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="level">16k, 32k, 64k, 128k or 256k.</param>
    /// <param name="mostItems">Only the first items, or all.</param>
    /// <exception cref="InvalidInputException">The file is missing, or a line is not as published; the message names it.</exception>
    public EvaluationSet Read(LvEvalDataset dataset, string level, int? mostItems = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        DataFile file = files.Find(FileName(dataset, level));
        BenchmarkPrompt prompt = new(model, maxTokens);
        EvaluationItem[] items = [.. DataLine.Read(file).Take(mostItems ?? int.MaxValue).Select(line => new EvaluationItem(
            line.Origin,
            prompt.Encode(dataset.Prompt, line.Text("context"), line.Text("input"), usesChatTemplate: true),
            Reference(line))
        { MaxNewTokens = dataset.MaxNewTokens })];
        return new EvaluationSet("lveval", maxTokens, dataset.Metric, items)
        {
            Dataset = $"{dataset.Name}_{level}",
            Source = Path.GetFileName(file.Name),
        };
    }

    /// <summary>What a line of a published file says about the right answer.</summary>
    internal static ItemReference Reference(DataLine line) => new()
    {
        Answers = line.Answers("answers"),
        Keywords = line.OptionalText("answer_keywords"),
        SourceLength = line.OptionalWhole("length"),
    };

    /// <summary>The published file of a data set at a level.</summary>
    public static string FileName(LvEvalDataset dataset, string level)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return $"{dataset.Name}_{level}.jsonl";
    }
}
