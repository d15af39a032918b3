using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Evaluation.Data;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.LongBench2;

/// <summary>LongBench v2 (Bai et al., arXiv 2412.15204) from its published file: questions with four choices, answered without steps of thought.</summary>
/// <param name="model">The model that is asked.</param>
/// <param name="files">Where the file is.</param>
/// <param name="maxTokens">Most tokens of a prompt; longer ones lose their middle.</param>
internal sealed class LongBench2Task(LanguageModel model, DataSetFiles files, int maxTokens)
{
    /// <summary>The data set on Hugging Face.</summary>
    public const string Repository = "THUDM/LongBench-v2";

    /// <summary>Most tokens of a prompt, as the benchmark has it; what is beyond them loses its middle.</summary>
    public const int MostTokens = 120_000;

    private const string FileName = "data.json";

    private const int MaxNewTokens = 128;

    // THUDM/LongBench (MIT License), prompts/0shot.txt, commit 2e00731.
    private const string Before = "Please read the following text and answer the question below.\n\n<text>\n", After = "\n</text>\n\n";

    private static readonly string[] Difficulties = ["easy", "hard"], Lengths = ["short", "medium", "long"], Letters = ["A", "B", "C", "D"];

    /// <summary>Reads the questions.</summary>
    /// <param name="mostItems">Only the first, or all.</param>
    /// <exception cref="InvalidInputException">The file is missing, or an item is not as published; the message names it.</exception>
    public EvaluationSet Read(int? mostItems = null)
    {
        DataFile file = files.Find(FileName);
        BenchmarkPrompt prompts = new(model, maxTokens);
        EvaluationItem[] items = [.. DataLine.ReadArray(file).Take(mostItems ?? int.MaxValue).Select(Item)];
        return new EvaluationSet("longbench2", maxTokens, "stated-letter", items) { Source = Path.GetFileName(file.Name) };

        EvaluationItem Item(DataLine line)
        {
            QuestionPrompt prompt = prompts.Encode(Before + line.Text("context").Trim() + After, Question(line), "");
            return new EvaluationItem(line.OptionalText("_id") ?? line.Origin, prompt.Tokens, Reference(line)) { MaxNewTokens = MaxNewTokens, QuestionStart = prompt.QuestionStart };
        }
    }

    /// <summary>The question with its choices, as it stands behind the text.</summary>
    internal static string Question(DataLine line)
    {
        string choices = string.Concat(Letters.Select(letter => $"({letter}) {line.Text($"choice_{letter}").Trim()}\n"));
        return $"What is the correct answer to this question: {line.Text("question").Trim()}\nChoices:\n{choices}\n"
            + "Format your response as follows: \"The correct answer is (insert answer here)\".";
    }

    /// <summary>What an item says about the right answer; its groups are those of the published report.</summary>
    internal static ItemReference Reference(DataLine line) => new()
    {
        Answers = [OneOf("answer", Letters, line)],
        Group = $"{OneOf("difficulty", Difficulties, line)},{OneOf("length", Lengths, line)}",
    };

    private static string OneOf(string name, string[] values, DataLine line) =>
        values.Contains(line.Text(name)) ? line.Text(name) : throw line.Bad(name, string.Join(" or ", values));
}
