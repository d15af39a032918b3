using System.Globalization;
using System.Text.RegularExpressions;

namespace MoA.Evaluation.Ruler;

/// <summary>The text of one item, in its parts.</summary>
/// <param name="Prompt">How it is asked.</param>
/// <param name="Context">The text that the question is about.</param>
/// <param name="Answers">The right answers.</param>
internal sealed partial record RulerText(RulerPrompt Prompt, string Context, IReadOnlyList<string> Answers)
{
    /// <summary>What is asked for.</summary>
    public string Query { get; init; } = "";

    /// <summary>What needles hold: numbers, or number where it is one.</summary>
    public string Type { get; init; } = "";

    /// <summary>A worked example before it all, or nothing.</summary>
    public string Example { get; init; } = "";

    /// <summary>Where a needle that is alone stands, from 0 to 1, or null.</summary>
    public double? Depth { get; init; }

    /// <summary>Everything before the question.</summary>
    public string BeforeQuestion => Example + Fill(Prompt.Context);

    /// <summary>The question.</summary>
    public string Question => Fill(Prompt.Question);

    /// <summary>The beginning of the answer.</summary>
    public string AnswerStart => Fill(Prompt.AnswerStart);

    /// <summary>The text as a worked example for others, with its answer.</summary>
    /// <param name="answer">The answer as it is to be written.</param>
    public string WithAnswer(string answer) => $"{BeforeQuestion}{Question}{AnswerStart} {answer}\n";

    /// <summary>Puts texts into a template, in one pass, so that braces in the texts stay what they are.</summary>
    internal static string Fill(string template, Func<string, string> value) => PlaceHolder().Replace(template, match => value(match.Groups[1].Value));

    private string Fill(string template) => Fill(template, name => name switch
    {
        "context" => Context,
        "query" => Query,
        "type" => Type,
        _ => Answers.Count.ToString(CultureInfo.InvariantCulture),
    });

    [GeneratedRegex(@"\{(context|query|type|count|key|value)\}")]
    private static partial Regex PlaceHolder();
}
