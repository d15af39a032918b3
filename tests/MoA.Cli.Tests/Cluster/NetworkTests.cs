using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Xunit.Abstractions;

namespace MoA.Tests.Cluster;

/// <summary>
/// What another machine can do to the members of a cluster: it stands in a network namespace of its own, at the other end of a cable to this one, and may use the
/// database. Needs Linux and its administrator; where they are missing nothing is tried, and that is said.
/// </summary>
public sealed class NetworkTests(ITestOutputHelper output)
{
    private static readonly string Space = $"moa{Environment.ProcessId}";

    // Of a documentation block, so that no real network is in the way; another for each process of tests.
    private static readonly string Network = $"198.18.{Environment.ProcessId % 250}";

    private static readonly string Here = $"{Network}.1";

    [Fact]
    public void Strangers_reach_nothing()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root" || !Try("ip", "netns", "add", Space))
        {
            output.WriteLine("SKIPPED: needs Linux and its administrator, to make a network of its own");
            return;
        }

        string cable = $"v{Environment.ProcessId}";
        try
        {
            Do("ip", "link", "add", cable, "type", "veth", "peer", "name", $"{cable}b");
            Do("ip", "link", "set", $"{cable}b", "netns", Space);
            Do("ip", "addr", "add", $"{Here}/24", "dev", cable);
            Do("ip", "link", "set", cable, "up");
            Do("ip", "-n", Space, "addr", "add", $"{Network}.2/24", "dev", $"{cable}b");
            Do("ip", "-n", Space, "link", "set", $"{cable}b", "up");
            Do("ip", "-n", Space, "link", "set", "lo", "up");
            TryAsStranger();
        }
        finally
        {
            _ = Try("ip", "netns", "del", Space);
            _ = Try("ip", "link", "del", cable);
        }
    }

    private static void TryAsStranger()
    {
        using PostgreSql postgres = PostgreSql.At(Here);
        if (!postgres.IsThere)
            return;
        using TemporaryFolder folder = new();
        string near = postgres.CreateDatabase(), far = near.Replace("127.0.0.1", Here, StringComparison.Ordinal);
        string ours = folder.Write("ours.txt", Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        string wrong = folder.Write("wrong.txt", Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        Assert.Equal(0, Run(ChildProcess.Start("cluster", "setup", "--cluster", near)).ExitCode);

        // Without a word of security: on loopback only, whatever is asked for.
        using (ChildProcess quiet = ChildProcess.Start("worker", "--cluster", near, "--name", "quiet", "--json"))
        {
            int port = PortOf(quiet);
            Assert.True(Connects("127.0.0.1", port, null));
            foreach (int each in new[] { port, port + 1 })
                Assert.False(Connects(Here, each, Space));
            quiet.Signal(ChildProcess.Terminate);
            Assert.Equal(0, quiet.WaitForEnd().ExitCode);
        }

        Invocation refused = Run(ChildProcess.Start("worker", "--cluster", near, "--member-listen", "0.0.0.0"));
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("--cluster-secret-file", refused.Error, StringComparison.Ordinal);

        using ChildProcess first = Worker("first"), second = Worker("second");
        int[] ports = [PortOf(first), PortOf(second)];
        Assert.True(Connects(Here, ports[0], Space));
        Assert.Equal(["first", "second"], Names("--cluster-secret-file", ours));

        // Bytes of anything are answered by an end of the connection or an alert of TLS, never by a member.
        Assert.DoesNotContain("moa", Shout(ports[0]), StringComparison.OrdinalIgnoreCase);
        foreach (string[] security in new[] { [], new[] { "--cluster-secret-file", wrong } })
        {
            Invocation asked = Run(ChildProcess.StartIn(Space, ["cluster", "status", "--cluster", far, .. security]));
            Assert.Equal(2, asked.ExitCode);
            Assert.Contains("no member of the cluster answers", asked.Error, StringComparison.Ordinal);
        }

        Invocation joined = Run(ChildProcess.StartIn(
            Space, "worker", "--cluster", far, "--name", "stranger", "--member-listen", "0.0.0.0", "--cluster-secret-file", wrong));
        Assert.Equal(2, joined.ExitCode);
        Assert.Contains("do not let this one in", joined.Error, StringComparison.Ordinal);
        Assert.Single(joined.Error.TrimEnd().Split('\n'));
        Assert.Equal(["first", "second"], Names("--cluster-secret-file", ours));

        ChildProcess Worker(string name) => ChildProcess.Start(
            "worker", "--cluster", near, "--name", name, "--json", "--member-listen", "0.0.0.0", "--member-advertise", Here, "--cluster-secret-file", ours);

        string[] Names(params string[] security)
        {
            Invocation asked = Run(ChildProcess.StartIn(Space, ["cluster", "status", "--json", "--cluster", far, .. security]));
            Assert.True(asked.ExitCode == 0, asked.Error);
            using JsonDocument document = JsonDocument.Parse(asked.Output);
            return [.. document.RootElement.GetProperty("members").EnumerateArray().Select(member => member.GetProperty("name").GetString()!)];
        }
    }

    private static Invocation Run(ChildProcess process)
    {
        using (process)
            return process.WaitForEnd();
    }

    // The member says on standard error where it is.
    private static int PortOf(ChildProcess member)
    {
        string line = member.WaitForLine("moa: ") ?? throw new InvalidOperationException("the member did not start");
        return int.Parse(line.Split(':')[^1], CultureInfo.InvariantCulture);
    }

    private static bool Connects(string address, int port, string? space)
    {
        string[] probe = ["timeout", "5", "bash", "-c", $"exec 3<>/dev/tcp/{address}/{port}"];
        return space is null ? Try(probe[0], probe[1..]) : Try("ip", ["netns", "exec", space, .. probe]);
    }

    private static string Shout(int port)
    {
        string script = $"exec 3<>/dev/tcp/{Here}/{port}; printf 'GET / HTTP/1.1\\r\\nHost: moa\\r\\n\\r\\n' >&3; timeout 5 cat <&3 | tr -cd '[:print:]'";
        return Run(ChildProcess.Launch("ip", ["netns", "exec", Space, "bash", "-c", script])).Output;
    }

    private static void Do(string program, params string[] arguments) => Assert.True(Try(program, arguments), $"{program} {string.Join(' ', arguments)}");

    private static bool Try(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            _ = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
