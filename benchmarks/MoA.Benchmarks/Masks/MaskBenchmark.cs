using System.Diagnostics;
using MoA.Engine.Tokenization;
using MoA.Serving.Structured;

namespace MoA.Benchmarks.Masks;

/// <summary>Times the masks that let a model write JSON only: compiling a schema, then the masks along one text, for the first time and again.</summary>
internal sealed class MaskBenchmark
{
    private const string Person =
        """{ "name": "Ada Lovelace", "age": 36, "mail": "ada@example.com", "tags": ["mathematician", "writer of the first program"], "kind": "person" }""";

    private static readonly (string Name, string? Schema, string Text)[] Cases =
    [
        ("any object", null, """{ "title": "A report on the council of Darnby", "pages": 17, "authors": [{ "first": "Ada", "last": "King" }], "final": true, "note": null }"""),
        ("properties", """
            {"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"},"mail":{"type":"string"},
            "tags":{"type":"array","items":{"type":"string"}},"kind":{"enum":["person","company"]}},"required":["name","age"],"additionalProperties":false}
            """, Person),
        ("lengths", """
            {"type":"object","properties":{"name":{"type":"string","maxLength":40},"age":{"type":"integer","minimum":0,"maximum":150},"mail":{"type":"string","format":"email"},
            "tags":{"type":"array","items":{"type":"string","minLength":3,"maxLength":60},"maxItems":5},"kind":{"enum":["person","company"]}},"required":["name","age"],"additionalProperties":false}
            """, Person),
        ("alternatives", """
            {"anyOf":[{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"},"mail":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}},"kind":{"const":"person"}}},
            {"type":"object","properties":{"name":{"type":"string"},"age":{"type":"number"},"kind":{"const":"company"}}},{"type":"array"}]}
            """, Person),
    ];

    private readonly List<(byte[] Bytes, int Token)> _vocabulary;
    private readonly Tokenizer _tokenizer;
    private readonly int _stop;

    public MaskBenchmark(Tokenizer tokenizer, int vocabulary)
    {
        (_tokenizer, _stop) = (tokenizer, tokenizer.EosId ?? tokenizer.VocabularySize);
        List<(byte[] Bytes, int Token)> tokens = [.. Enumerable.Range(0, tokenizer.VocabularySize)
            .Where(token => token != _stop && !tokenizer.IsSpecial(token)).Select(token => (tokenizer.BytesOf(token), token))];
        int own = tokens.Count;
        for (int token = tokenizer.VocabularySize + 1; token < vocabulary; token++)
            tokens.Add(([.. tokens[(int)(token * 7919L % own)].Bytes, .. tokens[(int)(token * 104_729L % own)].Bytes], token));
        _vocabulary = tokens;
    }

    /// <summary>Tokens of the vocabulary.</summary>
    public int Tokens => _vocabulary.Count;

    /// <summary>Measures every case on a trie of its own, so that none gains from another.</summary>
    public IEnumerable<MaskRow> Run(int rounds)
    {
        foreach ((string name, string? schema, string text) in Cases)
        {
            _ = Measure(new TokenTrie(_vocabulary), schema, text, 2); // until what runs is compiled
            long start = Stopwatch.GetTimestamp();
            TokenTrie trie = new(_vocabulary);
            double trieSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            yield return Measure(trie, schema, text, rounds) with { Name = name, TrieSeconds = trieSeconds };
        }
    }

    private MaskRow Measure(TokenTrie trie, string? schema, string text, int rounds)
    {
        int[] tokens = _tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: false);
        long start = Stopwatch.GetTimestamp();
        Grammar grammar = new(new OutputCompiler(_tokenizer, new CompileBudget()).Compile(new OutputFormat.Json(schema), mayBeginWithSpace: true), trie, [_stop]);
        double compileSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double[] first = Follow(grammar, tokens), again = [];
        for (int round = 0; round < rounds; round++)
            again = [.. again, .. Follow(grammar, tokens)];
        return new MaskRow("", tokens.Length, 0, compileSeconds, first.Average(), first.Max(), again.Average(), again.Order().ElementAt(again.Length * 99 / 100));
    }

    private double[] Follow(Grammar grammar, int[] tokens)
    {
        ulong[] allowed = new ulong[(Math.Max(_stop, _vocabulary.Max(token => token.Token)) / 64) + 1];
        GrammarConstraint constraint = new(grammar);
        double[] seconds = new double[tokens.Length];
        for (int i = 0; i < tokens.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            Array.Clear(allowed);
            constraint.Allow(allowed);
            if ((allowed[tokens[i] / 64] >> tokens[i] & 1) == 0)
                throw new InvalidOperationException($"'{_tokenizer.Decode(tokens.AsSpan(0, i + 1))}' is not allowed");
            constraint.Accept(tokens[i]);
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        return seconds;
    }
}
