using System.Diagnostics;
using MoA.Cluster.Hosting;
using MoA.Cluster.Units;
using MoA.Engine.Kernels;

namespace MoA.Cluster.Benchmarks;

/// <summary>A member in a process of its own.</summary>
internal static class MemberProcess
{
    /// <summary>The version that members and those who ask tell each other.</summary>
    public const string Version = "benchmark";

    /// <summary>The model that comes with the program.</summary>
    public static string Model => Path.Combine(AppContext.BaseDirectory, "models", "demo");

    /// <summary>Starts one; it ends when its input does, so that none outlives whoever started it.</summary>
    public static Process Start(int port, string name)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardInput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(MemberProcess).Assembly.Location);
        foreach (string word in (string[])["member", $"{port}", name])
            start.ArgumentList.Add(word);
        return Process.Start(start)!;
    }

    /// <summary>Is one.</summary>
    public static async Task RunAsync(int port, string name)
    {
        UnitOptions units = new()
        {
            CreateBackend = () => ComputeBackend.CreateCpu(1),
            Arithmetic = "sleep",
            Version = Version,
            EmbeddedModel = Model,
            Handlers = [new SleepingHandler()],
        };
        await using MemberHost member = await MemberHost.JoinAsync(
            ClusterConnection.Parse($"localhost:{port}"), new MemberOptions { Name = name, Version = Version, Note = Console.Error.WriteLine },
            services => UnitRunner.AddTo(services, units));
        _ = await Console.In.ReadLineAsync();
    }
}
