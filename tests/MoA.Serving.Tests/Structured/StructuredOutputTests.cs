using System.Runtime.CompilerServices;
using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Serving.Structured;
using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Tests.Structured;

/// <summary>Formats around JSON, what is remembered, and schemas that mean harm.</summary>
public sealed class StructuredOutputTests
{
    public static TheoryData<string, string[], string[]> Formats() => new()
    {
        {
            "calls",
            ["<call>{\"a\":1}</call>", "<call>{ \"a\": 12 }</call>, <call>{\"a\":0}</call>", "<call>[]</call>"],
            ["", "Sure! <call>", "<call>{}</call>", "<call>[]</call>, ", "<call>[]</call><call>[]</call>", "<call>[]</call>, <call>[]</call>, <call>[]</call>, <call>[]</call>"]
        },
        {
            "thought",
            ["<think>What? < </think\n</think>\n\n{}", "<think></think>\n\n{\"a\":0}"],
            ["<think>{}", "<think></think>", "{}"]
        },
        { "text", ["", "any text ü\n\""], [] },
    };

    [Theory]
    [MemberData(nameof(Formats))]
    public void Formats_are_put_together(string name, string[] taken, string[] refused)
    {
        Grammar grammar = Acceptor.Compile(name switch
        {
            "calls" => new OutputFormat.Repeat(
                new OutputFormat.Sequence(
                    new OutputFormat.Literal("<call>"),
                    new OutputFormat.Choice(
                        new OutputFormat.Json("""{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}"""), new OutputFormat.Literal("[]")),
                    new OutputFormat.Literal("</call>")),
                new OutputFormat.Literal(", "), Least: 1, Most: 3),
            "thought" => new OutputFormat.Sequence(
                new OutputFormat.Literal("<think>"), new OutputFormat.FreeText("</think>"), new OutputFormat.Literal("\n\n"), new OutputFormat.Json(null)),
            _ => new OutputFormat.FreeText(),
        });
        Assert.All(taken, text => Assert.True(Acceptor.Accepts(grammar, text), text));
        Assert.All(refused, text => Assert.False(Acceptor.Accepts(grammar, text), text));
        Assert.False(Acceptor.Accepts(grammar, [0xFF]));
    }

    [Fact]
    public void Special_tokens_are_written_as_such()
    {
        Tokenizer tokenizer = Acceptor.Tokenizer;
        (int user, int end) = (tokenizer.IdOf("<|user|>")!.Value, tokenizer.EosId!.Value);
        StructuredOutput structured = new(tokenizer, new HashSet<int> { end });
        GrammarConstraint constraint = (GrammarConstraint)structured.Create(new OutputFormat.Sequence(
            new OutputFormat.FreeText("<|user|>"), new OutputFormat.Json("""{"enum":["a",1]}"""), new OutputFormat.Literal(" x"), new OutputFormat.Marker("<|user|>")));
        foreach (int token in (int[])[.. tokenizer.Encode("some <|user|> text", false, false), user, .. tokenizer.Encode("\"a\" x", false, false)])
            constraint.Accept(token);
        ulong[] allowed = new ulong[20];
        constraint.Allow(allowed);
        Assert.Equal([user], Enumerable.Range(0, 1280).Where(token => (allowed[token / 64] >> token & 1) != 0));
        Assert.Contains("was not allowed", Assert.Throws<InvalidOperationException>(() => constraint.Accept(end)).Message, StringComparison.Ordinal);
        constraint.Accept(user);
        Assert.True(constraint.CanEnd);
        constraint.Accept(end);
    }

    [Fact]
    public void What_was_compiled_is_remembered_within_bounds()
    {
        StructuredOutput structured = new(Acceptor.Tokenizer, new HashSet<int> { Acceptor.Tokenizer.EosId!.Value });
        Grammar first = structured.Compile(new OutputFormat.Json("""{"type":"object"}"""));
        Assert.Same(first, structured.Compile(new OutputFormat.Json("""{"type":"object"}""")));
        for (int i = 0; i < 200; i++)
            _ = structured.Compile(new OutputFormat.Json($$"""{"const":{{i}}}"""));
        Assert.NotSame(first, structured.Compile(new OutputFormat.Json("""{"type":"object"}""")));
        Assert.NotEqual(new OutputFormat.Sequence(new OutputFormat.Literal("ab"), new OutputFormat.Literal("c")).Key,
            new OutputFormat.Sequence(new OutputFormat.Literal("a"), new OutputFormat.Literal("bc")).Key);
    }

    [Fact]
    public void What_is_forgotten_takes_its_masks_along()
    {
        TokenTrie trie = new(Acceptor.Tokenizer, new HashSet<int>());
        WeakReference terminal = Ask(trie);
        for (int i = 0; i < 10 && terminal.IsAlive; i++)
            GC.Collect();
        Assert.False(terminal.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Ask(TokenTrie trie)
        {
            Terminal terminal = ExpressionAutomaton.OfText("[a-f]{1,2000}");
            Assert.Same(trie.MaskOf(terminal, terminal.Start), trie.MaskOf(terminal, terminal.Start));
            return new WeakReference(terminal);
        }
    }

    [Fact]
    public void Answers_side_by_side_share_what_is_remembered()
    {
        StructuredOutput structured = new(Acceptor.Tokenizer, new HashSet<int> { Acceptor.Tokenizer.EosId!.Value });
        int[] tokens = Acceptor.Tokenizer.Encode("""{"a": [1, {"b": "text of some length"}], "c": null}""", false, false);
        string[] masks = new string[64];
        Parallel.For(0, masks.Length, i =>
        {
            MoA.Engine.Generation.TokenConstraint constraint = structured.Json(null);
            ulong[] all = new ulong[20];
            foreach (int token in tokens)
            {
                ulong[] allowed = new ulong[20];
                constraint.Allow(allowed);
                constraint.Accept(token);
                for (int word = 0; word < all.Length; word++)
                    all[word] = (all[word] * 31) + allowed[word];
            }

            masks[i] = string.Join(' ', all);
        });
        _ = Assert.Single(masks.Distinct());
    }

    [Fact]
    public void A_model_without_an_end_is_refused() => Assert.Contains("names no token that ends an answer", Assert.Throws<InvalidInputException>(
        () => new StructuredOutput(Acceptor.Tokenizer, new HashSet<int>()).Json(null)).Message, StringComparison.Ordinal);

    public static TheoryData<string> Hostile()
    {
        string alternatives = string.Join(',', Enumerable.Range(0, 30).Select(i => $$$$"""{"properties":{"a{{{{i}}}}":{"type":"integer"}}}"""));
        string chain = string.Join(',', Enumerable.Range(0, 9_000).Select(i => $$$"""
            "d{{{i}}}":{"$ref":"#/$defs/d{{{i + 1}}}"}
            """));
        string objects = string.Join(',', Enumerable.Range(0, 9_000).Select(i => $$$"""
            "d{{{i}}}":{"type":"object","properties":{"n":{"$ref":"#/$defs/d{{{i + 1}}}"}},"required":["n"]}
            """));
        return new()
        {
            string.Concat(Enumerable.Repeat("""{"items":""", 5000)) + "true" + new string('}', 5000),
            string.Concat(Enumerable.Repeat("""{"items":""", 150)) + "{\"minItems\":1}" + new string('}', 150),
            $$"""{"allOf":[{"anyOf":[{{alternatives}}]},{"anyOf":[{{alternatives}}]},{"anyOf":[{{alternatives}}]},{"anyOf":[{{alternatives}}]}]}""",
            """{"type":"string","pattern":"^(a{1,9999}){1,9999}$"}""",
            """{"type":"string","pattern":"((((a{1,90}){1,90}){1,90}){1,90}){1,90}"}""",
            """{"type":"string","pattern":"(a|b)*a(a|b){25}$"}""",
            """{"type":"string","pattern":"(.*a){30}"}""",
            """{"type":"string","pattern":"^[^x]{9999}$"}""",
            """{"type":"string","pattern":"^[a-z]+$","maxLength":9000000}""",
            """{"type":"string","pattern":""" + "\"" + new string('(', 5000) + new string(')', 5000) + "\"}",
            """{"allOf":[""" + string.Join(',', Enumerable.Range(2, 30).Select(i => $$"""{"pattern":"^(a{{{i}}})*$"}""")) + "]}",
            """{"allOf":[""" + string.Join(',', Enumerable.Range(9900, 30).Select(i => $$"""{"type":"integer","multipleOf":{{i}}}""")) + "]}",
            $$$"""{"$defs":{{{{chain}}},"d9000":true},"$ref":"#/$defs/d0"}""",
            $$$"""{"$defs":{{{{objects}}},"d9000":true},"$ref":"#/$defs/d0"}""",
            """{"enum":[""" + string.Join(',', Enumerable.Range(0, 60_000).Select(i => $"\"{i * 7919L}\"")) + "]}",
            """{"properties":{""" + string.Join(',', Enumerable.Range(0, 16_000).Select(i => $$"""
                "p{{i * 7919L}}":{"type":["integer","string"]}
                """)) + "}}",
            """{"oneOf":[""" + string.Join(',', Enumerable.Range(0, 500).Select(i => $$$"""{"properties":{"k":{"const":{{{i}}}}},"required":["k"]}""")) + "]}",
            """{"minItems":2147483647,"type":"array"}""",
            """{"type":"array","prefixItems":[""" + string.Join(',', Enumerable.Repeat("{}", 100_000)) + "]}",
            new string(' ', 2 << 20) + "{}",
        };
    }

    /// <summary>Whatever is asked for is compiled or refused, in memory and steps that are bounded.</summary>
    [Theory]
    [MemberData(nameof(Hostile))]
    public void Schemas_that_mean_harm_are_bounded(string schema)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            _ = Acceptor.Compile(schema);
        }
        catch (InvalidInputException e)
        {
            Assert.InRange(e.Message.Length, 1, 400);
            Assert.DoesNotContain('\n', e.Message);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 << 20);
    }

    /// <summary>Lists within lists that can be read in two ways each: the ways would double at every bracket.</summary>
    [Fact]
    public void Ways_to_read_a_text_are_bounded()
    {
        Grammar grammar = Acceptor.Compile("""
            {"$defs":{"a":{"anyOf":[{"type":"array","items":{"$ref":"#/$defs/a"}},{"type":"array","items":{"$ref":"#/$defs/a"},"minItems":1},{"type":"null"}]}},"$ref":"#/$defs/a"}
            """);
        Assert.True(Acceptor.Accepts(grammar, new string('[', 30) + "null" + new string(']', 30)));
    }
}
