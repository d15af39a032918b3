using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Search.Calibration;
using MoA.Search.Pipeline;
using MoA.Search.Tests.Profiling;
using MoA.Search.Validation;

namespace MoA.Search.Tests.Validation;

public sealed class ValidatorTests(DemoModel demo) : IClassFixture<DemoModel>, IDisposable
{
    private readonly LanguageModel _model = demo.Model;
    private readonly TemporaryFolder _folder = new();
    private long _tokens;

    [Fact]
    public void The_least_loss_is_chosen_and_ties_by_density_then_order()
    {
        Assert.Equal(1, Validator.Choose([Score(2, 0.1), Score(1, 0.5), Score(1.1, 0.2)]));
        Assert.Equal(2, Validator.Choose([Score(1, 0.5), Score(1, 0.4), Score(1 + 1e-12, 0.3)]));
        Assert.Equal(0, Validator.Choose([Score(1, 0.5), Score(1 + 1e-6, 0.4)]));
        Assert.Equal(1, Validator.Choose([Score(3, 0.5), Score(1, 0.4), Score(1, 0.4)]));

        static PolicyScore Score(double loss, double density) => new("p", new MeanInterval(loss, loss, loss), density, [loss]);
    }

    [Fact]
    public void Losses_are_means_over_answers_then_items_then_data_sets()
    {
        EncodedItem[] items = [Item(1, "a"), Item(2, "b"), Item(3, "b")];
        using ResultJournal journal = ResultJournal.Open(_folder.File("journal"));
        PolicyScore score = Create(journal).Score("dense", new DensePolicy(), items, 256);
        double[] expected = [.. items.Select(item => -new SequenceScorer(_model.Transformer).Score(item.Tokens, item.IsAnswer).Average())];
        Assert.Equal(expected, score.ItemLosses);
        Assert.Equal((expected[0] + (expected[1] + expected[2]) / 2) / 2, score.Loss.Mean, 12);
        Assert.Equal(1, score.Density);
        Assert.Equal(3 * 200, _tokens);
    }

    [Fact]
    public void Finished_items_come_from_the_journal_and_only_for_equal_work()
    {
        EncodedItem[] items = [Item(1, null), Item(2, null)];
        StreamingLlmPolicy half = new(new ElasticRule(0, 0.5)), same = new(new ElasticRule(100, 0)), quarter = new(new ElasticRule(0, 1));
        PolicyScore first, again;
        using (ResultJournal journal = ResultJournal.Open(_folder.File("journal")))
            first = Create(journal).Score("half", half, items, 256);
        Assert.Equal(2 * 200, _tokens);
        _tokens = 0;
        using ResultJournal reopened = ResultJournal.Open(_folder.File("journal"));
        again = Create(reopened).Score("same rows", same, items, 256);
        Assert.Equal(first.ItemLosses, again.ItemLosses);
        Assert.Equal(0, _tokens);
        PolicyScore other = Create(reopened).Score("other rows", quarter, items, 256);
        Assert.NotEqual(first.ItemLosses, other.ItemLosses);
        Assert.Equal(2 * 200, _tokens);
        _ = Create(reopened, "another model").Score("half", half, items, 256);
        Assert.Equal(2 * 200, _tokens);
        EncodedItem marked = items[0] with { IsAnswer = [.. items[0].IsAnswer.Select((_, i) => i > 10)] };
        _ = Create(reopened).Score("half", half, [marked], 256);
        Assert.Equal(200, _tokens);
    }

    [Fact]
    public void The_step_compares_plans_with_dense_and_uniform_attention()
    {
        AttentionPolicy Plan(double beta) => new PlanPolicy(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(0, beta)));
        using ResultJournal journal = ResultJournal.Open(_folder.File("journal"));
        ValidationOutcome outcome = ValidationStep.Run(
            _model, [("all", Plan(1)), ("same", Plan(1)), ("few", Plan(0))], [Item(5, null)], 200, journal, ElementType.F32,
            step => Assert.InRange(step.Done, 1, step.Total));
        Assert.Equal(["all", "same", "few"], outcome.Plans.Select(plan => plan.Name));
        Assert.Equal(outcome.Dense.Loss, outcome.Plans[0].Loss);
        Assert.Equal(outcome.Plans[outcome.Chosen].Loss.Mean, outcome.Plans.Min(plan => plan.Loss.Mean));
        Assert.True(outcome.Uniform.Density >= outcome.Plans[outcome.Chosen].Density);
    }

    public void Dispose() => _folder.Dispose();

    private Validator Create(ResultJournal journal, string fingerprint = "model") =>
        new(_model, journal, fingerprint, ElementType.BF16, step => _tokens = step.Tokens);

    private static EncodedItem Item(int seed, string? dataset)
    {
        Random random = new(seed);
        int[] tokens = [.. Enumerable.Range(0, 200).Select(_ => random.Next(1000))];
        return new EncodedItem(
            tokens, [.. tokens.Select((_, i) => i > 150)], new TokensItem(tokens, null) { Dataset = dataset, Origin = $"test:{seed}" });
    }
}
