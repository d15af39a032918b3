using System.Text;
using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Serving.Structured.Automata;
using MoA.Serving.Structured.Parts;
using MoA.Serving.Structured.Schemas;

namespace MoA.Serving.Structured;

/// <summary>Turns formats of answers into parts of a grammar.</summary>
internal sealed class OutputCompiler(Tokenizer tokenizer, CompileBudget budget)
{
    private const string AnyObject = """{"type":"object"}""";

    private readonly List<Part> _parts = [];

    /// <summary>Compiles a format.</summary>
    /// <param name="format">The format.</param>
    /// <param name="mayBeginWithSpace">Whether one space may stand before it, since decoding drops it.</param>
    /// <exception cref="InvalidInputException">A schema is malformed or not supported, or nothing satisfies it.</exception>
    public Part Compile(OutputFormat format, bool mayBeginWithSpace)
    {
        Part root = Keep(PartOf(format));
        if (mayBeginWithSpace)
            root = Keep(new SequencePart([Keep(new TerminalPart(JsonTerminals.LeadingSpace)), root]));

        Part.FindDepths(_parts);
        return root.LeastDepth < Part.Endless
            ? root
            : throw new InvalidInputException(
                $"schema: nothing satisfies it, or only values with more than {Part.MostDepth} lists and objects within each other");
    }

    private Part PartOf(OutputFormat format) => format switch
    {
        OutputFormat.Literal literal => Text(literal.Text),
        OutputFormat.Marker marker => Special(marker.Text) is int token ? Keep(new TokenPart(token)) : Text(marker.Text),
        OutputFormat.Json json => SchemaCompiler.Compile(json.Schema ?? AnyObject, _parts, budget),
        OutputFormat.FreeText { Until: string until } when Special(until) is int token => Keep(new SequencePart([Free(""), Keep(new TokenPart(token))])),
        OutputFormat.FreeText text => Free(text.Until ?? ""),
        OutputFormat.Sequence sequence => Keep(new SequencePart([.. sequence.Parts.Select(PartOf)])),
        OutputFormat.Choice choice => Keep(new ChoicePart([.. choice.Options.Select(PartOf)])),
        OutputFormat.Repeat repeat => Keep(new RepeatPart(
            PartOf(repeat.Part), repeat.Separator is null ? null : PartOf(repeat.Separator), repeat.Least, repeat.Most)),
        _ => throw new ArgumentException($"{format.GetType().Name} is no format", nameof(format)),
    };

    private int? Special(string text) => tokenizer.IdOf(text) is int token && tokenizer.IsSpecial(token) ? token : null;

    private Part Text(string text) =>
        text.Length == 0 ? Keep(new SequencePart([])) : Keep(new TerminalPart(new LiteralTerminal(Encoding.UTF8.GetBytes(text))));

    private TerminalPart Free(string until) => Keep(new TerminalPart(new TextTerminal(Encoding.UTF8.GetBytes(until))));

    private T Keep<T>(T part)
        where T : Part
    {
        _parts.Add(part);
        return part;
    }
}
