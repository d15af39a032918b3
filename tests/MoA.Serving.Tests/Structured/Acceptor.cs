using System.Text;
using MoA.Engine.Tokenization;
using MoA.Serving.Structured;
using MoA.Tests;

namespace MoA.Serving.Tests.Structured;

/// <summary>Asks of texts, byte by byte, whether a format takes them.</summary>
internal static class Acceptor
{
    /// <summary>What stands for the end.</summary>
    public const int Stop = 256;

    public static Tokenizer Tokenizer { get; } = Tokenizer.Load(RepositoryFiles.DemoModel);

    private static TokenTrie Bytes { get; } = new([.. Enumerable.Range(0, 256).Select(value => (new[] { (byte)value }, value))]);

    public static Grammar Compile(OutputFormat format) =>
        new(new OutputCompiler(Tokenizer, new CompileBudget()).Compile(format, mayBeginWithSpace: false), Bytes, [Stop]);

    public static Grammar Compile(string? schema) => Compile(new OutputFormat.Json(schema));

    public static bool Accepts(Grammar grammar, string text) => Accepts(grammar, Encoding.UTF8.GetBytes(text));

    public static bool Accepts(Grammar grammar, byte[] text)
    {
        GrammarConstraint constraint = new(grammar);
        foreach (byte value in text)
        {
            if (!Allowed(constraint).Contains(value))
                return false;
            constraint.Accept(value);
        }

        return Allowed(constraint).Contains(Stop);
    }

    /// <summary>What may follow a text, in order; the last is 256 if it may be all.</summary>
    public static int[] Following(Grammar grammar, string text) => Following(grammar, Encoding.UTF8.GetBytes(text));

    /// <summary>The same for bytes.</summary>
    public static int[] Following(Grammar grammar, byte[] text)
    {
        GrammarConstraint constraint = new(grammar);
        foreach (byte value in text)
            constraint.Accept(value);
        return [.. Allowed(constraint)];
    }

    private static IEnumerable<int> Allowed(GrammarConstraint constraint)
    {
        ulong[] allowed = new ulong[5];
        constraint.Allow(allowed);
        return [.. Enumerable.Range(0, 257).Where(token => (allowed[token / 64] >> token & 1) != 0)];
    }
}
