using System.Globalization;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Ruler;

/// <summary>A chain of variables, each assigned the one before, among noise; a worked example with a chain of its own comes first.</summary>
/// <param name="exampleLines">Lines of noise in the example; null for none, where a length has no room for it.</param>
internal sealed class ChainSource(int? exampleLines) : RulerSource
{
    private const int Hops = 4, NameLetters = 5, ExampleNameLetters = 3;

    /// <summary>Tokens of the worked example, at most.</summary>
    public const int MostExampleTokens = 500;

    /// <inheritdoc/>
    public override int LeastUnits(int index) => 0;

    /// <inheritdoc/>
    public override RulerText Text(ulong seed, int index, int units)
    {
        RulerText text = Chain(units, NameLetters, SeededRandom.Derive(seed, 1));
        return exampleLines is int lines ? text with { Example = Example(lines, seed) + "\n" } : text;
    }

    /// <summary>A worked example.</summary>
    internal static string Example(int lines, ulong seed)
    {
        RulerText example = Chain(lines, ExampleNameLetters, SeededRandom.Derive(seed, 2));
        return example.WithAnswer(string.Join(' ', example.Answers));
    }

    private static RulerText Chain(int noise, int letters, ulong seed)
    {
        SeededRandom random = new(seed);
        List<string> names = RulerWords.Letters(Hops + 1, letters, 'A', random);
        string value = (10_000 + random.Next(89_999)).ToString(CultureInfo.InvariantCulture);
        List<string> lines = [.. Enumerable.Repeat(RulerData.Shared.Noise, noise)];
        int[] places = RulerWords.Sample(noise, names.Count, new SeededRandom(SeededRandom.Derive(seed, (ulong)noise)));
        for (int i = 0; i < names.Count; i++)
            lines.Insert(places[i] + i, i == 0 ? $"VAR {names[0]} = {value}" : $"VAR {names[i]} = VAR {names[i - 1]} ");
        return new RulerText(RulerData.Shared.Prompts["chain"], string.Join('\n', lines), names) { Query = value };
    }
}
