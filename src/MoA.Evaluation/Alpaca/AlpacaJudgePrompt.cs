using System.Text.RegularExpressions;

namespace MoA.Evaluation.Alpaca;

/// <summary>
/// The prompt of AlpacaEval 2's annotator: <c>alpaca_eval_clf.txt</c> of tatsu-lab/alpaca_eval (Apache License 2.0), commit
/// cd543a1, in judge.txt.
/// </summary>
internal static partial class AlpacaJudgePrompt
{
    private static readonly Lazy<(string Role, string Text)[]> Template = new(Load);

    /// <summary>The messages, with the texts put in where the template has their names.</summary>
    public static IEnumerable<(string Role, string Text)> Messages(string instruction, string one, string two) =>
        Template.Value.Select(message => (message.Role, PlaceHolder().Replace(message.Text, match => match.Groups[1].Value switch
        {
            "instruction" => instruction,
            "output_1" => one,
            _ => two,
        })));

    private static (string Role, string Text)[] Load()
    {
        using Stream stream = typeof(AlpacaJudgePrompt).Assembly.GetManifestResourceStream("Alpaca.judge.txt")
            ?? throw new InvalidOperationException("the assembly was built without its judge.txt");
        using StreamReader reader = new(stream);
        return [.. Turn().Matches(reader.ReadToEnd()).Select(match => (match.Groups[1].Value, match.Groups[2].Value.Trim('\n')))];
    }

    [GeneratedRegex(@"\{(instruction|output_1|output_2)\}")]
    private static partial Regex PlaceHolder();

    [GeneratedRegex(@"<\|im_start\|>(\w+)\r?\n(.*?)<\|im_end\|>", RegexOptions.Singleline)]
    private static partial Regex Turn();
}
