namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Words the errors of templates.</summary>
internal static class JinjaError
{
    public static InvalidInputException At(int line, string what) => new($"chat template, line {line}: {what}");
}
