using System.Text;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Models;
using MoA.Evaluation.Policies;

namespace MoA.Evaluation.Tests.Policies;

public sealed class PolicyReaderTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private readonly ModelConfig _config = demo.Model.Config;

    [Fact]
    public void Names_and_settings_give_their_policies()
    {
        _ = Assert.IsType<DensePolicy>(PolicyReader.Read(null, null, _config));
        _ = Assert.IsType<DensePolicy>(PolicyReader.Read("dense", null, _config));
        Assert.Equal(new ElasticRule(0, 0.25), RuleOf("streaming-llm:density=0.25"));
        Assert.Equal(new ElasticRule(512, 0), RuleOf("streaming-llm:span=512"));
        Assert.Equal(new ElasticRule(0, 1), RuleOf("streaming-llm:density=1"));

        string plan = WritePlan(4, 8);
        Assert.Equal(new ElasticRule(64, 0.5), PolicyReader.Read(null, plan, _config).RuleOf(3, 7, _config));
        _ = Assert.IsType<PlanPolicy>(PolicyReader.Read("moa", plan, _config));
    }

    [Theory]
    [InlineData("", "no policy ''")]
    [InlineData("h2o2", "no policy 'h2o2'")]
    [InlineData("Dense", "no policy 'Dense'")]
    [InlineData("dense:density=1", "'density' is no setting of dense")]
    [InlineData("moa", "needs a plan")]
    [InlineData("streaming-llm", "give streaming-llm a size")]
    [InlineData("streaming-llm:", "give streaming-llm a size")]
    [InlineData("streaming-llm:size=4", "give streaming-llm a size")]
    [InlineData("streaming-llm:density=0", "density above 0")]
    [InlineData("streaming-llm:density=1.01", "density above 0")]
    [InlineData("streaming-llm:density=NaN", "density above 0")]
    [InlineData("streaming-llm:density=0,5", "expected NAME:key=value")]
    [InlineData("streaming-llm:density=half", "density above 0")]
    [InlineData("streaming-llm:span=0", "span in tokens")]
    [InlineData("streaming-llm:span=1e99", "span in tokens")]
    [InlineData("streaming-llm:density=0.5,span=64", "'span' is no setting")]
    [InlineData("streaming-llm:density=0.5,density=0.5", "each key once")]
    [InlineData("streaming-llm:=0.5", "expected NAME:key=value")]
    public void What_cannot_be_read_is_refused_in_one_line(string text, string reason)
    {
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => PolicyReader.Read(text, null, _config));
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.StartsWith("--policy ", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void A_plan_must_fit_the_model_and_belongs_to_moa()
    {
        string fits = WritePlan(4, 8), other = WritePlan(5, 8);
        Assert.Contains(
            "takes no plan", Assert.Throws<InvalidInputException>(() => PolicyReader.Read("dense", fits, _config)).Message,
            StringComparison.Ordinal);
        Assert.StartsWith(
            other, Assert.Throws<InvalidInputException>(() => PolicyReader.Read(null, other, _config)).Message, StringComparison.Ordinal);
        _ = Assert.Throws<InvalidInputException>(() => PolicyReader.Read(null, demo.NewPath(), _config));
    }

    private ElasticRule RuleOf(string text) => PolicyReader.Read(text, null, _config).RuleOf(0, 0, _config);

    private string WritePlan(int layers, int heads)
    {
        string path = demo.NewPath();
        string Rows(string value) => string.Join(',', Enumerable.Repeat($"[{string.Join(',', Enumerable.Repeat(value, heads))}]", layers));
        File.WriteAllText(path, $$"""{"alphas":[{{Rows("64")}}],"betas":[{{Rows("0.5")}}]}""", Encoding.ASCII);
        return path;
    }
}
