using System.Text.Json;
using MoA.Tests.Commands;

namespace MoA.Tests.Cluster;

/// <summary>A search with four members in processes of their own, which find each other in a PostgreSQL, beside the same search of one process.</summary>
public sealed class ClusterSearchTests(SearchCommandTests.WholeRun whole) : IClassFixture<SearchCommandTests.WholeRun>
{
    private const int Members = 4;

    [Fact]
    public void Members_write_the_files_of_one_process_killed_or_not()
    {
        using PostgreSql postgres = new();
        if (!postgres.IsThere)
            return;
        string cluster = postgres.CreateDatabase();
        Assert.Equal(0, Invocation.Of("cluster", "setup", "--cluster", cluster).ExitCode);
        List<ChildProcess> members = [];
        try
        {
            for (int i = 0; i < Members; i++)
                members.Add(ChildProcess.Start("worker", "--cluster", cluster, "--name", $"m{i}", "--threads", "1"));
            Assert.All(members, member => Assert.NotNull(member.WaitForLine("moa: m")));
            using TemporaryFolder folder = new();
            string[] arguments = [.. SearchCommandTests.WholeRun.Arguments(folder["out"]), "--cluster", cluster];
            Invocation run = Invocation.Of(arguments);
            Assert.True(run.ExitCode == 0, run.Error);
            AssertSameFiles(folder["out"]);
            Assert.True(Done(cluster).Count(done => done > 0) > 1, "one member did everything");

            // Members and the coordinator are killed where they stand; what is left of each goes on.
            arguments = [.. SearchCommandTests.WholeRun.Arguments(folder["killed"]), "--cluster", cluster];
            foreach (string moment in new[] { "calibrate", "profile: 256" })
            {
                using ChildProcess coordinator = ChildProcess.Start(arguments);
                Assert.NotNull(coordinator.WaitForLine(moment));
                members[0].Signal(ChildProcess.Kill);
                members[0].Dispose();
                members.RemoveAt(0);
                coordinator.Signal(ChildProcess.Kill);
                _ = coordinator.WaitForEnd();
            }

            run = Invocation.Of(arguments);
            Assert.True(run.ExitCode == 0, run.Error);
            AssertSameFiles(folder["killed"]);
        }
        finally
        {
            foreach (ChildProcess member in members)
                member.Dispose();
        }
    }

    private static long[] Done(string cluster)
    {
        JsonElement status = Invocation.Json("cluster", "status", "--cluster", cluster);
        return [.. status.GetProperty("members").EnumerateArray().Select(member => member.GetProperty("units").GetProperty("done").GetInt64())];
    }

    private void AssertSameFiles(string folder)
    {
        string[] names = ["plan.json", "calibration.jsonl", "validation.jsonl", "influence-256.safetensors", "influence-512.safetensors"];
        Assert.All(names, name => Assert.Equal(File.ReadAllBytes(whole.Folder["out", name]), File.ReadAllBytes(Path.Combine(folder, name))));
    }
}
