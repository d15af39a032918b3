namespace MoA.Engine.Tokenization.Jinja;

/// <summary>A parsed template, rendered as Jinja 3.1 does in the environment that transformers makes for chat templates.</summary>
internal sealed class JinjaTemplate(string source)
{
    private readonly IReadOnlyList<JinjaStatement> _statements = JinjaParser.Parse(source);

    /// <param name="variables">What the template sees beside the functions.</param>
    /// <param name="inputLength">Characters of the variables; with the template's they bound how far it may go.</param>
    /// <param name="clock">Tells the date.</param>
    /// <exception cref="InvalidInputException">The template raises an exception, fails or goes too far.</exception>
    public TracedText Render(IEnumerable<KeyValuePair<string, object?>> variables, long inputLength, TimeProvider clock) =>
        JinjaInterpreter.Run(_statements, [.. JinjaGlobals.All(clock), .. variables], new JinjaBudget(source.Length + inputLength));
}
