using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Serving.Structured;
using MoA.Tests;

namespace MoA.Serving.Tests.Structured;

/// <summary>The masks of whole vocabularies against every token tried by itself, byte by byte.</summary>
public sealed class MaskTests
{
    private static readonly Lazy<Tokenizer> Gpt2 = new(() => Tokenizer.Load(RepositoryFiles.Fixture("tokenizers", "ggml-vocab-gpt-2.gguf")));
    private static readonly Lazy<Tokenizer> Llama = new(() => Tokenizer.Load(RepositoryFiles.Fixture("tokenizers", "ggml-vocab-llama-spm.gguf")));

    [Theory]
    [InlineData("demo", 12)]
    [InlineData("gpt-2", 1)]
    [InlineData("llama", 1)]
    public void Masks_are_those_of_tokens_tried_one_by_one(string name, int cases)
    {
        Tokenizer tokenizer = name switch { "gpt-2" => Gpt2.Value, "llama" => Llama.Value, _ => Acceptor.Tokenizer };
        int stop = tokenizer.EosId!.Value;
        TokenTrie trie = new(tokenizer, new HashSet<int> { stop });
        byte[][] bytes = [.. Enumerable.Range(0, tokenizer.VocabularySize).Select(token => trie.IsText(token) ? tokenizer.BytesOf(token) : [])];
        Prop.ForAll(Gen.Choose(0, int.MaxValue / 2).ToArbitrary(), seed =>
        {
            string schema = RandomSchema.Draw(seed);
            Grammar masked = Compile(schema, trie, stop), alone = Acceptor.Compile(schema);
            Random random = new(seed);
            GrammarConstraint constraint = new(masked);
            byte[] written = [];
            for (int step = 0; step < 14; step++)
            {
                HashSet<int> allowed = Allowed(constraint, tokenizer.VocabularySize);
                HashSet<int> expected = [.. Fitting(alone, written, bytes)];
                if (Acceptor.Following(alone, written).Contains(Acceptor.Stop))
                    _ = expected.Add(stop);
                Assert.Equal(expected.Order(), allowed.Order());
                int[] texts = [.. allowed.Where(token => token != stop).Order()];
                if (texts.Length == 0)
                    break;
                int token = texts[random.Next(texts.Length)];
                constraint.Accept(token);
                written = [.. written, .. bytes[token]];
            }
        }).Holds(cases);
    }

    [Fact]
    public void The_bytes_of_tokens_make_up_their_text()
    {
        string text = "{\"näme\": [\"\t日本 😀\", 1.5]}\n";
        foreach (Tokenizer tokenizer in (Tokenizer[])[Gpt2.Value, Llama.Value, Acceptor.Tokenizer])
        {
            int[] tokens = tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: false);
            byte[] bytes = [.. tokens.SelectMany(tokenizer.BytesOf)];
            Assert.Equal(text, Encoding.UTF8.GetString(bytes).TrimStart(' '));
        }
    }

    [Fact]
    public void A_trie_finds_tokens_by_their_bytes()
    {
        TokenTrie trie = new([([1, 2], 5), ([1], 3), ([], 4), ([1, 2, 3], 0), ([2], 1), ([1, 2], 2), ([1, 3], 70)]);
        Assert.Equal(3, trie.LongestToken);
        Assert.Equal(6, trie.Nodes);
        Assert.Equal([[], [1], [1, 2], [1, 2, 3], [1, 3], [2]], Enumerable.Range(0, 6).Select(trie.PathTo));
        Assert.Equal([[], [3], [2, 5], [0], [70], [1]], Enumerable.Range(0, 6).Select(node => trie.TokensAt(node).ToArray()));
        Assert.Equal([6, 5, 4, 4, 5, 6], Enumerable.Range(0, 6).Select(trie.EndOf));
        Assert.False(trie.IsText(4));
        Assert.Equal([1, 3], trie.BytesOf(70));
    }

    [Fact]
    public void A_space_that_decoding_drops_may_come_first()
    {
        StructuredOutput structured = new(Llama.Value, new HashSet<int> { Llama.Value.EosId!.Value });
        HashSet<int> first = Allowed(structured.Json(null), Llama.Value.VocabularySize);
        Assert.Contains(Llama.Value.IdOf("▁{")!.Value, first);
        Assert.Contains(Llama.Value.IdOf("{")!.Value, first);
        Assert.DoesNotContain(Llama.Value.IdOf("▁a")!.Value, first);
        HashSet<int> ofBytes = Allowed(new StructuredOutput(Gpt2.Value, new HashSet<int> { Gpt2.Value.EosId!.Value }).Json(null), Gpt2.Value.VocabularySize);
        Assert.DoesNotContain(Gpt2.Value.IdOf("Ġ{")!.Value, ofBytes);
        Assert.Contains(Gpt2.Value.IdOf("{\"")!.Value, ofBytes);
    }

    private static Grammar Compile(string schema, TokenTrie trie, int stop) =>
        new(new OutputCompiler(Acceptor.Tokenizer, new CompileBudget()).Compile(new OutputFormat.Json(schema), mayBeginWithSpace: false), trie, [stop]);

    // Tokens that share a beginning share its trial.
    private static IEnumerable<int> Fitting(Grammar grammar, byte[] written, byte[][] bytes)
    {
        Dictionary<string, bool> known = [];
        for (int token = 0; token < bytes.Length; token++)
        {
            if (bytes[token].Length > 0 && Fits(bytes[token]))
                yield return token;
        }

        bool Fits(byte[] text)
        {
            string key = Convert.ToHexString(text);
            if (!known.TryGetValue(key, out bool fits))
                known[key] = fits = (text.Length == 1 || Fits(text[..^1])) && Acceptor.Following(grammar, [.. written, .. text[..^1]]).Contains(text[^1]);
            return fits;
        }
    }

    private static HashSet<int> Allowed(Engine.Generation.TokenConstraint constraint, int vocabulary)
    {
        ulong[] allowed = new ulong[(vocabulary + 63) / 64];
        constraint.Allow(allowed);
        return [.. Enumerable.Range(0, vocabulary).Where(token => (allowed[token / 64] >> token & 1) != 0)];
    }
}
