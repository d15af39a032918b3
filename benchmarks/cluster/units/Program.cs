using System.Diagnostics;
using System.Globalization;
using System.Net;
using MoA.Cluster;
using MoA.Cluster.Benchmarks;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using MoA.Cluster.Units;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Search.Units;

if (args is ["member", string portText, string name])
{
    await MemberProcess.RunAsync(int.Parse(portText, CultureInfo.InvariantCulture), name);
    return 0;
}

// What a 7B model's item of 8,192 tokens sends back: 32 layers of 32 heads, half of 128 × 128 blocks, four bytes each.
const int ItemBytes = 32 * 32 * 128 * 129 / 2 * 4;
const int PayloadBytes = 24 << 10; // 8,192 tokens and their marks
double seconds = Number("--seconds", 3);
int each = (int)Number("--units", 8), most = (int)Number("--members", 8), empty = (int)Number("--empty", 400);

UnitModel model = new() { Name = "", Fingerprint = Fingerprint(), Version = MemberProcess.Version };
Console.WriteLine("units that do nothing, of 24 KiB and with a result of 8 bytes");
foreach (int members in new[] { 1, most })
{
    double took = await With(members, workers => Seconds(workers, Units(empty, TimeSpan.Zero, 8), inOrder: false));
    Console.WriteLine(Line($"{members,3} members: {empty} units in {took,6:0.00} s, {1000 * took / empty:0.00} ms a unit"));
}

double large = await With(1, workers => Seconds(workers, Units(16, TimeSpan.Zero, ItemBytes), inOrder: true));
Console.WriteLine(Line($"results alone: {16.0 * ItemBytes / large / 1e6:0} million bytes a second from one member"));

Console.WriteLine(Line($"units that sleep {seconds:0.##} s and send {ItemBytes / 1048576.0:0.0} MiB, in order, as profiling does"));
double alone = 0;
foreach (int members in new[] { 1, most })
{
    int units = each * members;
    double took = await With(members, workers => Seconds(workers, Units(units, TimeSpan.FromSeconds(seconds), ItemBytes), inOrder: true));
    alone = members == 1 ? units / took : alone;
    Console.WriteLine(Line($"{members,3} members: {units,3} units in {took,6:0.0} s, {took / each - seconds:0.000} s a unit beside its sleep, {units / took / alone:0.00} times the units a second of one"));
}

return 0;

double Number(string option, double otherwise)
{
    int at = Array.IndexOf(args, option);
    return at < 0 ? otherwise : double.Parse(args[at + 1], CultureInfo.InvariantCulture);
}

static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

static string Fingerprint()
{
    using ComputeBackend backend = ComputeBackend.CreateCpu(1);
    using LanguageModel model = LanguageModel.Load(MemberProcess.Model, backend);
    return ModelFingerprint.Of(model);
}

static WorkUnit[] Units(int count, TimeSpan time, int resultBytes) =>
    [.. Enumerable.Range(0, count).Select(i => SleepingHandler.Of(i, time, resultBytes, PayloadBytes))];

static double Seconds(ClusterWorkers workers, WorkUnit[] units, bool inOrder)
{
    long start = Stopwatch.GetTimestamp();
    workers.Run(units, inOrder, (_, _) => null, CancellationToken.None);
    return Stopwatch.GetElapsedTime(start).TotalSeconds;
}

// Members in processes of their own, from the first to the last unit; the model is open before the clock runs.
async Task<double> With(int members, Func<ClusterWorkers, double> run)
{
    int port = ClusterPorts.Choose(IPAddress.Loopback, 0).Members;
    ClusterConnection connection = ClusterConnection.Parse($"localhost:{port}");
    List<Process> processes = [MemberProcess.Start(port, "m1")];
    try
    {
        await using ClusterClient client = await ClusterClient.ConnectAsync(connection, null, TimeSpan.FromSeconds(30), Console.Error.WriteLine);
        for (int i = 2; i <= members; i++)
            processes.Add(MemberProcess.Start(port, $"m{i}"));
        while ((await MemberList.ReadAsync(client.Grains)).Count(member => member.Units.AreTaken) < members)
            await Task.Delay(200);
        ClusterWorkers workers = new(client.Grains, model, new ClusterWorkersOptions());
        _ = Seconds(workers, [.. Enumerable.Range(0, 2 * members).Select(i => SleepingHandler.Of(-1 - i, TimeSpan.FromMilliseconds(500), 8, 8))], inOrder: false);
        return run(workers);
    }
    finally
    {
        foreach (Process process in processes)
        {
            process.Kill();
            process.Dispose();
        }
    }
}
