namespace MoA.Tests;

/// <summary>What only a process of its own shows: signals, pipes, full disks.</summary>
public sealed class ProcessTests
{
    [Fact]
    public void The_program_runs_by_itself()
    {
        using ChildProcess child = ChildProcess.Start("model", "info", "--json");
        Invocation run = child.WaitForEnd();
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(Invocation.Json("model", "info").GetRawText(), run.Document().GetRawText());
    }

    [Fact]
    public void A_reader_that_leaves_early_is_no_failure()
    {
        using ChildProcess child = ChildProcess.Shell("moa --help | head -n 1; exit ${PIPESTATUS[0]}");
        Invocation run = child.WaitForEnd();
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal("Description:\n", run.Output);
    }

    [Fact]
    public void A_chat_that_waits_for_a_line_can_be_interrupted()
    {
        using ChildProcess child = ChildProcess.Start("chat", "--system", "x", "--json");
        Thread.Sleep(1000);
        child.Signal(ChildProcess.Interrupt);
        Invocation run = child.WaitForEnd();
        Assert.Equal((130, ""), (run.ExitCode, run.Output));
        run.AssertOneLine("interrupted");
    }

    [Fact]
    public void A_full_device_ends_with_one_line_and_exit_code_1()
    {
        if (!File.Exists("/dev/full"))
            return;
        using ChildProcess child = ChildProcess.Shell("moa model info --json > /dev/full");
        Invocation run = child.WaitForEnd();
        Assert.Equal(1, run.ExitCode);
        run.AssertOneLine("space");
    }

    // A limit on the size of files stands for a full disk: writing fails in the middle.
    [Fact]
    public void A_file_that_does_not_fit_leaves_nothing_behind()
    {
        if (OperatingSystem.IsWindows())
            return;
        using TemporaryFolder folder = new();
        string plan = RepositoryFiles.Fixture("plans", "lmsys--vicuna-7b-v1.5-16k.moa.json");
        using ChildProcess child = ChildProcess.Shell($"trap '' XFSZ; ulimit -f 1; moa plan convert '{plan}' '{folder["plan.json"]}'");
        Invocation run = child.WaitForEnd();
        Assert.Equal(1, run.ExitCode);
        run.AssertOneLine("plan.json", "cannot be written to its end");
        Assert.Empty(folder.Names());
    }
}
