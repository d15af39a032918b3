namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Words the errors of templates.</summary>
internal static class JinjaError
{
    private const int Longest = 400;

    /// <summary>An error in one line; what it quotes of messages may be long and of several.</summary>
    public static InvalidInputException At(int line, string what) => new(
        $"chat template, line {line}: {(what.Length > Longest ? what[..Longest] + "…" : what).ReplaceLineEndings(" ")}");
}
