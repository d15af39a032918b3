using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Evaluation.Needle;
using MoA.Evaluation.Perplexity;
using MoA.Evaluation.Retrieval;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Tests.Tasks;

/// <summary>
/// What the tasks ask goes through prefill and through decode steps: under dense attention both give the same, and under each
/// policy they differ as it says and not otherwise. Caches are in F32, so that equal means equal but for the order of sums.
/// </summary>
public sealed class DecodeAndPrefillTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private const int Length = 400;

    private const double Rounding = 1e-4;

    /// <summary>Policies whose rows follow from position alone, each of them keeping less than the texts have.</summary>
    public static TheoryData<string> StaticPolicies =>
        ["streaming-llm:density=0.4", "moa", "duo-attention:heads=0.25,streaming=128", "razor-attention:heads=0.25,streaming=0.4"];

    /// <summary>Policies that choose rows by attention once a prompt was read.</summary>
    public static TheoryData<string> ChoosingPolicies =>
    [
        "h2o:density=0.4", "tova:density=0.4", "snapkv:density=0.4", "pyramidkv:density=0.4", "keydiff:density=0.4",
        "kvzip:density=0.4", "adakv:density=0.4", "infllm:density=0.4",
    ];

    /// <summary>Dense: every token of an answer or text is as probable both ways, and each written token is the one that prefill would write.</summary>
    [Theory]
    [InlineData("retrieval")]
    [InlineData("needle")]
    [InlineData("perplexity")]
    public void Dense_attention_gives_the_same_both_ways(string task)
    {
        DensePolicy dense = new();
        foreach ((int[] tokens, bool[] scored) in Texts(task))
        {
            AssertClose(Score(dense, tokens, scored, int.MaxValue), Score(dense, tokens, scored, First(scored)));
            if (task == "perplexity")
                continue;
            for (int i = First(scored); i < tokens.Length; i++)
                Assert.Equal(tokens[i], Assert.Single(Write(dense, tokens[..i], 1)));
        }
    }

    /// <summary>
    /// A query sees whole blocks in prefill, and a ring of rows in a decode step: at the end of a block they are the same tokens, and at its
    /// start a decode step sees 63 more (docs/method.md, section 4).
    /// </summary>
    [Theory]
    [MemberData(nameof(StaticPolicies))]
    public void Spans_give_the_same_at_the_end_of_a_block_and_up_to_63_tokens_more_before(string text)
    {
        AttentionPolicy policy = Read(text);
        foreach (string task in new[] { "retrieval", "needle", "perplexity" })
        {
            double most = 0;
            foreach ((int[] tokens, bool[] _) in Texts(task))
            {
                int end = (tokens.Length - 2) / 64 * 64; // the query in question stands at the second to last place of a text
                (double prefill, double decode) = LastOf(policy, tokens[..(end + 1)]);
                Assert.Equal(prefill, decode, Rounding);
                (prefill, decode) = LastOf(policy, tokens[..(end + 2)]);
                most = Math.Max(most, Math.Abs(prefill - decode));
            }

            Assert.True(most > Rounding, $"{text}, {task}: the 63 tokens change no more than {most}");
        }
    }

    /// <summary>Through prefill they are dense to the last bit, and so is the answer's first token; then rows go, and later tokens differ.</summary>
    [Theory]
    [MemberData(nameof(ChoosingPolicies))]
    public void Policies_that_choose_after_the_prompt_are_dense_until_its_end(string text)
    {
        AttentionPolicy policy = Read(text);
        foreach (string task in new[] { "retrieval", "needle", "perplexity" })
        {
            double most = 0;
            foreach ((int[] tokens, bool[] scored) in Texts(task))
            {
                double[] dense = Score(new DensePolicy(), tokens, scored, int.MaxValue);
                Assert.Equal(dense, Score(policy, tokens, scored, int.MaxValue));
                int first = First(scored);
                Assert.Equal(tokens.Length > first ? Write(new DensePolicy(), tokens[..first], 1) : [], Write(policy, tokens[..first], 1));
                double[] decoded = Score(policy, tokens, scored, first);
                Assert.Equal(dense[0], decoded[0], Rounding); // prefill in other chunks
                most = Math.Max(most, dense.Zip(decoded, (a, b) => Math.Abs(a - b)).Max());
            }

            Assert.True(most > Rounding, $"{text}, {task}: what was evicted changes no more than {most}");
        }
    }

    /// <summary>What is as large as the text leaves nothing out.</summary>
    [Theory]
    [InlineData("streaming-llm:density=1")]
    [InlineData("duo-attention:heads=1")]
    [InlineData("razor-attention:density=1")]
    [InlineData("h2o:density=1")]
    [InlineData("snapkv:density=1")]
    [InlineData("pyramidkv:density=1")]
    [InlineData("infllm:density=1")]
    public void A_policy_that_keeps_everything_is_dense_through_decode_steps(string text)
    {
        AttentionPolicy policy = Read(text);
        foreach ((int[] tokens, bool[] scored) in Texts("retrieval").Concat(Texts("needle")).Concat(Texts("perplexity")))
            AssertClose(Score(new DensePolicy(), tokens, scored, int.MaxValue), Score(policy, tokens, scored, First(scored)));
    }

    private static void AssertClose(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, Rounding));
    }

    private static int First(bool[] scored) => Array.IndexOf(scored, true);

    // Questions with the answers that dense attention writes, or conversations with those that are given.
    private List<(int[] Tokens, bool[] Scored)> Texts(string task)
    {
        if (task == "perplexity")
        {
            EvaluationSet texts = new PerplexityTask(demo.Model, allTokens: false).Generate(Length, 2, 5);
            return [.. texts.Items.Select(item => (item.Prompt, item.IsScored!))];
        }

        EvaluationSet set = task == "needle"
            ? new NeedleTask(demo.Model, new NeedleOptions { Depths = 2 }).Create(Length, 1)
            : RetrievalEvaluation.ItemsOf(demo.Model, RetrievalEvaluation.CreateSet(demo.Model, Length, 2, 1), "test");
        return [.. set.Items.Select(item =>
        {
            int[] tokens = [.. item.Prompt, .. Write(new DensePolicy(), item.Prompt, item.MaxNewTokens)];
            return (tokens, tokens.Select((_, i) => i >= item.Prompt.Length).ToArray());
        })];
    }

    private AttentionPolicy Read(string text)
    {
        if (text == "moa")
        {
            ElasticRule[] Row(int layer) => [.. Enumerable.Range(0, 8).Select(head => new ElasticRule(64 * ((layer + head) % 3), 0.3))];
            return new PlanPolicy(new AttentionPlan([.. Enumerable.Range(0, 4).Select(Row)], HeadKind.KeyValue));
        }

        if (!text.Contains("-attention", StringComparison.Ordinal))
            return PolicyReader.Read(text, null, demo.Model.Config);
        string scores = demo.NewPath();
        File.WriteAllLines(scores, Enumerable.Repeat("1 5 2 8 7 6 3 4", 4));
        return PolicyReader.Read($"{text},scores={scores}", null, demo.Model.Config);
    }

    private (double Prefill, double Decode) LastOf(AttentionPolicy policy, int[] tokens)
    {
        bool[] last = [.. tokens.Select((_, i) => i == tokens.Length - 1)];
        return (Assert.Single(Score(policy, tokens, last, int.MaxValue)), Assert.Single(Score(policy, tokens, last, tokens.Length - 2)));
    }

    private double[] Score(AttentionPolicy policy, int[] tokens, bool[] scored, int decodeFrom) =>
        new SequenceScorer(demo.Model.Transformer) { Policy = policy, CacheType = ElementType.F32, DecodeFrom = decodeFrom }.Score(tokens, scored);

    private int[] Write(AttentionPolicy policy, int[] prompt, int tokens)
    {
        using SequenceCache cache = demo.Model.Transformer.CreateSequence(policy, prompt.Length + tokens, ElementType.F32);
        return new TextGenerator(demo.Model).Run(cache, prompt, new GenerationOptions { MaxNewTokens = tokens }).Tokens;
    }
}
