using System.CommandLine;
using MoA.Cli.Options;

namespace MoA.Tests.Cluster;

/// <summary>How a search asks a cluster.</summary>
public sealed class ClusterOptionTests
{
    [Fact]
    public void Models_are_named_so_that_other_machines_find_them()
    {
        string here = Path.GetFullPath(".");
        Assert.Equal("", ClusterSearch.NameOf(null, "/program/models/demo"));
        Assert.Equal(here, ClusterSearch.NameOf(".", here));
        string snapshot = Path.Combine(here, "hub", "models--org--name", "snapshots", "0123456789abcdef0123456789abcdef01234567");
        Assert.Equal("org/name@0123456789abcdef0123456789abcdef01234567", ClusterSearch.NameOf("org/name", snapshot));
        Assert.Equal("org/name@0123456789abcdef0123456789abcdef01234567", ClusterSearch.NameOf("org/name@main", snapshot));
        Assert.Equal(
            "org/name@0123456789abcdef0123456789abcdef01234567:Q4_K_M", ClusterSearch.NameOf("org/name:Q4_K_M", Path.Combine(snapshot, "name-Q4_K_M.gguf")));
    }

    [Fact]
    public void What_names_a_cluster_stands_in_no_report()
    {
        Command command = new("compress") { ClusterOptions.Cluster, ClusterOptions.SecretFile, StepOptions.Out };
        foreach (string[] words in (string[][])
        [
            ["--cluster", "postgresql://ann:hush@db/moa", "--out", "x", "--cluster-secret-file", "hush.txt"], ["--out", "x", "--cluster=Host=db;Database=moa;Password=hush"],
        ])
        {
            Assert.Equal(["--out", "x"], ClusterOptions.Without(command.Parse(words).Tokens).Select(token => token.Value));
        }
    }

    [Fact]
    public void Without_members_a_search_waits_and_ends_in_one_line()
    {
        using TemporaryFolder folder = new();
        Invocation run = Invocation.Of("compress", "--cluster", "localhost:9", "--cluster-wait", "0.2", "--out", Path.Combine(folder.Path, "out"));
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("localhost:9: no member of the cluster answers; start one with 'moa worker --cluster …'", run.Error, StringComparison.Ordinal);
        foreach ((string connection, string wait, string option) in new[] { ("db", "1", "--cluster"), ("localhost:9", "-1", "--cluster-wait") })
        {
            Invocation wrong = Invocation.Of("compress", "--cluster", connection, "--cluster-wait", wait, "--out", Path.Combine(folder.Path, "out"));
            Assert.Equal(2, wrong.ExitCode);
            Assert.Contains($"moa: {option}", wrong.Error, StringComparison.Ordinal);
        }
    }
}
