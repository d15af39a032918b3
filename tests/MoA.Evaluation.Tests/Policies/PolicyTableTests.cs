using System.Text.RegularExpressions;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Evaluation.Comparison;
using MoA.Tests;

namespace MoA.Evaluation.Tests.Policies;

/// <summary>What is written about policies elsewhere agrees with the table, and the table with the classes.</summary>
public sealed partial class PolicyTableTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly string Documentation = File.ReadAllText(Path.Combine(RepositoryFiles.Root, "docs", "policies.md"));

    /// <summary>The first table of docs/policies.md and its sections name exactly the policies there are, in their order.</summary>
    [Fact]
    public void The_documentation_lists_exactly_these()
    {
        string table = Documentation[..Documentation.IndexOf("\n## ", StringComparison.Ordinal)];
        string[] names = [.. PolicyTable.All.Select(policy => policy.Name)];
        Assert.Equal(names, TableRow().Matches(table).SelectMany(row => Code().Matches(row.Groups[1].Value)).Select(name => name.Groups[1].Value));
        Assert.Equal(names, Section().Matches(Documentation).Select(section => section.Groups[1].Value)
            .Where(heading => heading.Split(", ").All(names.Contains)).SelectMany(heading => heading.Split(", ")));
    }

    [Fact]
    public void The_documentation_explains_every_setting()
    {
        foreach (PolicyDescriptor policy in PolicyTable.All)
        {
            Match heading = Section().Matches(Documentation).Single(section => section.Groups[1].Value.Split(", ").Contains(policy.Name));
            int end = Documentation.IndexOf("\n## ", heading.Index + 1, StringComparison.Ordinal);
            string general = Documentation[..Documentation.IndexOf("\n## ", StringComparison.Ordinal)];
            foreach (PolicySetting setting in policy.Settings)
                Assert.Matches($"`{setting.Key}[`=]", general + Documentation[heading.Index..end]);
        }
    }

    [Fact]
    public void Policies_have_the_names_and_needs_of_the_table()
    {
        string scores = demo.NewPath();
        File.WriteAllLines(scores, Enumerable.Repeat("8 7 6 5 4 3 2 1", 4));
        ModelConfig windows = demo.Model.Config.WithLayers((layer, index) => layer with { Window = new int?[] { 64, 64, 64, 64 }[index] });
        foreach (PolicyDescriptor policy in PolicyTable.All.Where(policy => !policy.TakesPlan))
        {
            string text = policy.Name + (policy.TakesSize ? ":density=0.5" : "") + (policy.NeedsHeadScores ? $",scores={scores}" : "");
            Assert.True(PolicyReader.HasSize(text));
            Assert.Equal(policy.Name, PolicyReader.Read(text, null, demo.Model.Config).Name);
            Assert.Equal(policy.NeedsUnboundedLayer, Record.Exception(() => PolicyReader.Read(text, null, windows)) is InvalidInputException);
        }

        Assert.Equal(PlanPolicy.CommandName, Assert.Single(PolicyTable.All, policy => policy.TakesPlan).Name);
        Assert.False(PolicyReader.HasSize("h2o:recent=0.25"));
        Assert.True(PolicyReader.HasSize("duo-attention:heads=0.25,scores=s"));
        Assert.Throws<InvalidInputException>(() => PolicyReader.HasSize("h2o2"));
    }

    [Fact]
    public void Names_and_colours_are_told_apart_and_stand_in_the_page()
    {
        Assert.Distinct(PolicyTable.All.Select(policy => policy.Name));
        Assert.Distinct(PolicyTable.All.Select(policy => policy.Color));
        string page = ComparisonPage.Render(new ComparisonReport("1", [], [], []));
        Assert.All(PolicyTable.All, policy => Assert.Contains($"\"{policy.Name}\":\"{policy.Color}\"", page, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"^\| (`.*?) \|", RegexOptions.Multiline)]
    private static partial Regex TableRow();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"^## (.+)$", RegexOptions.Multiline)]
    private static partial Regex Section();
}
