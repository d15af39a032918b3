using MoA.Engine;
using MoA.Engine.Configuration;
using MoA.Evaluation.Benchmarking;

namespace MoA.Evaluation.Tests.Benchmarking;

public sealed class BenchmarkPolicyTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private readonly ModelConfig _config = demo.Model.Config;

    [Fact]
    public void Policies_keep_their_order_and_each_plan_is_one()
    {
        string a = WritePlan("a"), b = WritePlan("b");
        Assert.Equal(["dense"], Labels([], []));
        Assert.Equal(["moa a.json", "moa b.json"], Labels([], [a, b]));
        Assert.Equal(["moa a.json"], Labels(["moa"], [a]));
        Assert.Equal(["dense", "streaming-llm:density=0.5", "streaming-llm:span=256", "moa a.json", "moa b.json"],
            Labels(["dense", "streaming-llm:density=0.5", "streaming-llm:span=256"], [a, b]));
        Assert.Equal(["moa b.json", "moa a.json", "dense"], Labels(["moa", "dense"], [b, a]));

        IEnumerable<string> Labels(string[] policies, string[] plans) =>
            BenchmarkPolicy.Read(policies, plans, _config).Select(policy => policy.Label);
    }

    [Fact]
    public void What_cannot_be_read_is_refused()
    {
        Assert.Contains("--plan", Assert.Throws<InvalidInputException>(() => BenchmarkPolicy.Read(["moa"], [], _config)).Message);
        Assert.Contains("magic", Assert.Throws<InvalidInputException>(() => BenchmarkPolicy.Read(["dense", "magic"], [], _config)).Message);
        string none = demo.NewPath();
        Assert.Contains(none, Assert.Throws<InvalidInputException>(() => BenchmarkPolicy.Read([], [none], _config)).Message);
    }

    private string WritePlan(string name)
    {
        string folder = Directory.CreateDirectory(demo.NewPath()).FullName;
        string row(string value) => $"[{string.Join(',', Enumerable.Repeat(value, 8))}]";
        string table(string value) => $"[{string.Join(',', Enumerable.Repeat(row(value), 4))}]";
        string file = Path.Combine(folder, $"{name}.json");
        File.WriteAllText(file, $"{{\"alphas\":{table("64")},\"betas\":{table("0.5")}}}");
        return file;
    }
}
