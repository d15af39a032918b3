using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Evaluation.Retrieval;
using MoA.Search;
using MoA.Search.Calibration;
using Xunit.Abstractions;

namespace MoA.Evaluation.Tests.Retrieval;

public sealed class RetrievalEvaluationTests(DemoModel demo, ITestOutputHelper output) : IClassFixture<DemoModel>
{
    private readonly LanguageModel _model = demo.Model;
    private long _tokens;

    /// <summary>
    /// The model's card says 93 % of 100 items at 512 tokens, and 40 % and less under local masks of half the length.
    /// </summary>
    [Fact]
    public void Dense_attention_finds_what_the_models_card_says_and_local_attention_loses_most()
    {
        RetrievalSet set = RetrievalEvaluation.CreateSet(_model, 512, 20, 0);
        using ResultJournal journal = ResultJournal.Open(demo.NewPath());
        RetrievalScore dense = Evaluate(journal, new DensePolicy(), set);
        output.WriteLine($"dense {dense.Correct}/{dense.Items}, {dense.KvBytes} bytes");
        Assert.InRange(dense.Correct, 16, 20);
        Assert.Equal((20, 512, 1.0), (dense.Items, dense.Length, dense.Density));
        Assert.Equal(dense.Correct, (int)Math.Round(dense.ByDepth.Sum(share => 2 * share!.Value)));
        Assert.Equal(4L * 8 * 512 * 2 * 32 * 2, dense.KvBytes); // no item needs more rows than the length has

        RetrievalScore local = Evaluate(journal, new StreamingLlmPolicy(new ElasticRule(0, 0.25)), set);
        Assert.InRange(local.Correct, 0, dense.Correct - 5);
        Assert.Equal(0.25, local.Density);
    }

    [Fact]
    public void Scores_do_not_depend_on_the_order_of_policies_and_come_from_the_journal()
    {
        RetrievalSet set = RetrievalEvaluation.CreateSet(_model, 256, 12, 3);
        AttentionPolicy[] policies = [new DensePolicy(), new StreamingLlmPolicy(new ElasticRule(0, 0.5))];
        string path = demo.NewPath();
        RetrievalScore[] forward, backward, again;
        using (ResultJournal journal = ResultJournal.Open(path))
            forward = [.. policies.Select(policy => Evaluate(journal, policy, set))];
        using (ResultJournal journal = ResultJournal.Open(demo.NewPath()))
            backward = [.. policies.Reverse().Select(policy => Evaluate(journal, policy, set)).Reverse()];
        Assert.True(_tokens > 12 * 128);
        _tokens = 0;
        using (ResultJournal journal = ResultJournal.Open(path))
            again = [.. policies.Select(policy => Evaluate(journal, policy, set))];
        Assert.Equal(0, _tokens);
        for (int i = 0; i < policies.Length; i++)
        {
            Assert.Equal(forward[i].ByDepth, backward[i].ByDepth);
            Assert.Equal(forward[i].ByDepth, again[i].ByDepth);
            Assert.Equal(
                (forward[i].Correct, forward[i].Exact, forward[i].KvBytes), (again[i].Correct, again[i].Exact, again[i].KvBytes));
        }
    }

    [Theory]
    [InlineData(256)]
    [InlineData(1000)]
    [InlineData(4096)] // the whole context
    public void Question_and_answer_fit_the_length(int length)
    {
        RetrievalSet set = RetrievalEvaluation.CreateSet(_model, length, 2, 1);
        Assert.All(set.Items, item => Assert.InRange(
            _model.RequireConversations().EncodePrompt(item.Prompt).Length + RetrievalEvaluation.MaxAnswerTokens, length - 60, length));
    }

    private RetrievalScore Evaluate(ResultJournal journal, AttentionPolicy policy, RetrievalSet set) =>
        new RetrievalEvaluation(_model, journal, "model", ElementType.BF16, step => _tokens = step.Tokens).Run(policy, set);
}
