using FsCheck;
using FsCheck.Fluent;
using MoA.Tests;

namespace MoA.Engine.Tests;

/// <summary>Random properties are random only where that is asked for.</summary>
public sealed class RandomPropertyTests
{
    private static readonly Arbitrary<int> Numbers = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();

    [Fact]
    public void Every_check_sees_the_same_cases()
    {
        Assert.Equal(Seen(), Seen());

        static List<int> Seen()
        {
            List<int> seen = [];
            Prop.ForAll(Numbers, seen.Add).Holds(20);
            Assert.InRange(seen.Distinct().Count(), 2, int.MaxValue);
            return seen;
        }
    }

    [Fact]
    public void A_failure_names_the_case_and_the_seed()
    {
        int first = -1;
        Exception failure = Assert.Throws<InvalidOperationException>(() => Prop.ForAll(Numbers, number =>
        {
            first = first < 0 ? number : first;
            Assert.Fail("never");
        }).Holds());
        Assert.Matches(@"^To see it again: MOA_PROPERTY_SEED=\d+ dotnet test", failure.Message);
        Assert.Contains($"{first}", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>FsCheck by itself draws a new seed at every run: all go through <see cref="RandomProperty"/>.</summary>
    [Fact]
    public void No_test_draws_a_seed_of_its_own()
    {
        string[] own = ["Config." + "Quick", "Config." + "Verbose", ".QuickCheck" + "(", ".QuickCheckThrowOnFailure" + "(", "Random." + "Shared", "new Random" + "()", "Random random = new" + "()"];
        foreach (string file in Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, "tests"), "*.cs", SearchOption.AllDirectories))
        {
            if (Path.GetFileName(file) == "RandomProperty.cs")
                continue;
            string text = File.ReadAllText(file);
            Assert.All(own, call => Assert.False(text.Contains(call, StringComparison.Ordinal), $"{file}: {call}"));
        }
    }
}
