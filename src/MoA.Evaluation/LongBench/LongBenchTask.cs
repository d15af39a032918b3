using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Evaluation.Data;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.LongBench;

/// <summary>LongBench and LongBench-E from their published files.</summary>
/// <param name="model">The model that is asked.</param>
/// <param name="files">Where the files are.</param>
/// <param name="extended">LongBench-E: files <c>name_e.jsonl</c>, scored by ranges of length too.</param>
/// <param name="maxTokens">Most tokens of a prompt; longer ones lose their middle.</param>
internal sealed class LongBenchTask(LanguageModel model, DataSetFiles files, bool extended, int maxTokens)
{
    /// <summary>The data sets that names stand for; all that there are for none.</summary>
    /// <exception cref="InvalidInputException">There is no such data set.</exception>
    public static IReadOnlyList<LongBenchDataset> Select(IReadOnlyList<string> names, bool extended)
    {
        ArgumentNullException.ThrowIfNull(names);
        LongBenchDataset[] known = [.. LongBenchData.Shared.Datasets.Where(dataset => !extended || dataset.HasExtended)];
        return names.Count == 0
            ? known
            : [.. names.Select(name => known.FirstOrDefault(dataset => dataset.Name == name) ?? throw new InvalidInputException(
                $"--datasets {name}: {(extended ? "LongBench-E" : "LongBench")} has no such data set; expected {string.Join(", ", known.Select(dataset => dataset.Name))}"))];
    }

    /// <summary>Reads a data set.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="mostItems">Only the first items, or all.</param>
    /// <exception cref="InvalidInputException">The file is missing, or a line is not as published; the message names it.</exception>
    public EvaluationSet Read(LongBenchDataset dataset, int? mostItems = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        DataFile file = files.Find(FileName(dataset));
        BenchmarkPrompt prompt = new(model, maxTokens);
        IReadOnlyList<int> stops = dataset.StopsAtLineFeed
            ? model.RequireTokenizer().Encode("\n", addSpecialTokens: false, parseSpecialTokens: false).TakeLast(1).ToArray()
            : [];
        EvaluationItem[] items = [.. DataLine.Read(file).Take(mostItems ?? int.MaxValue).Select(Item)];
        string metric = dataset.ScoresFirstLine ? $"first-line:{dataset.Metric}" : dataset.Metric;
        return new EvaluationSet("longbench", maxTokens, metric, items)
        {
            Dataset = extended ? $"{dataset.Name}_e" : dataset.Name,
            Source = Path.GetFileName(file.Name),
        };

        EvaluationItem Item(DataLine line)
        {
            ItemReference reference = Reference(line, extended);
            int[] tokens = prompt.Encode(dataset.Prompt, line.Text("context"), line.Text("input"), dataset.UsesChatTemplate);
            return new EvaluationItem(line.Origin, tokens, reference)
            {
                MaxNewTokens = dataset.MaxNewTokens,
                StopTokens = stops,
                MinNewTokens = dataset.StopsAtLineFeed ? 1 : 0, // pred.py: min_length=context_length+1
            };
        }
    }

    /// <summary>What a line of a published file says about the right answer.</summary>
    internal static ItemReference Reference(DataLine line, bool extended)
    {
        int? length = extended ? line.Whole("length") : line.OptionalWhole("length");
        return new ItemReference
        {
            Answers = line.Answers("answers"),
            Classes = line.Texts("all_classes") is { Count: > 0 } classes ? classes : null,
            SourceLength = length,
            Group = extended ? length switch { < 4000 => "0-4k", < 8000 => "4-8k", _ => "8k+" } : null,
        };
    }

    /// <summary>The published file of a data set.</summary>
    public string FileName(LongBenchDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return extended ? $"{dataset.Name}_e.jsonl" : $"{dataset.Name}.jsonl";
    }
}
