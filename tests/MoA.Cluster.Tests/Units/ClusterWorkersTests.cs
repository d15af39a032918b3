using System.Net;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using MoA.Cluster.Units;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Evaluation.Compression;
using MoA.Search.Pipeline;
using MoA.Search.Units;
using MoA.Tests;

namespace MoA.Cluster.Tests.Units;

/// <summary>Searches on members within the process, over their sockets.</summary>
public sealed class ClusterWorkersTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ClusterConnection _connection = ClusterConnection.Parse($"localhost:{ClusterPorts.Choose(IPAddress.Loopback, 0).Members}");
    private readonly List<MemberHost> _members = [];
    private readonly List<string> _notes = [];
    private ClusterClient _client = null!;

    /// <summary>The first member keeps the list and computes nothing.</summary>
    public async Task InitializeAsync()
    {
        _members.Add(await MemberHost.JoinAsync(_connection, Member("list"), _ => { }));
        _client = await ClusterClient.ConnectAsync(_connection, null, Patience, Assert.Fail);
    }

    public async Task DisposeAsync()
    {
        await _client.DisposeAsync();
        foreach (MemberHost member in Enumerable.Reverse(_members))
        {
            await member.StopAsync(new CancellationToken(canceled: true));
            await member.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_compression_on_two_members_has_the_files_of_one_machine()
    {
        string folder = Directory.CreateTempSubdirectory("moa-cluster-").FullName;
        try
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(1);
            using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend);
            CompressionSettings settings = new()
            {
                Search = new SearchSettings { ProfileLengths = [256, 320], ExtensionLengths = [], ValidationLength = 384, BetaCount = 4 },
                ItemsPerLength = 3,
                ValidationItems = 2,
                MaxAnswerTokens = 16,
                RetrievalLengths = [256],
                RetrievalItems = 2,
                MaxPlans = 2,
            };
            string alone = Path.Combine(folder, "alone"), shared = Path.Combine(folder, "shared");
            _ = new CompressionRun(model, settings, alone, null).Run();
            await Task.WhenAll(Join("one"), Join("two"));
            UnitModel asked = UnitTestModel.Model with { Arithmetic = backend.Arithmetic };
            await Task.Run(() => new CompressionRun(model, settings, shared, null) { Workers = Workers(asked) }.Run());
            foreach (string file in new[] { CompressionRun.PlanFileName, "influence-256.safetensors", "influence-320.safetensors", "calibration.jsonl" })
                Assert.True(File.ReadAllBytes(Path.Combine(alone, file)).SequenceEqual(File.ReadAllBytes(Path.Combine(shared, file))), file);
            IReadOnlyList<MemberReport> reports = await MemberList.ReadAsync(_client.Grains);
            Assert.All(new[] { "one", "two" }, name => Assert.True(reports.Single(report => report.Name == name).Units.Done > 0));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A member that is lost costs what it had, one that joins is given some, and every result comes once, in order, whatever its size.</summary>
    [Fact]
    public async Task Members_come_and_go()
    {
        using SemaphoreSlim begun = new(0);
        byte[] Compute(byte[] payload, CancellationToken stop)
        {
            _ = begun.Release();
            if (stop.WaitHandle.WaitOne(100))
                throw new OperationCanceledException(stop);
            return payload[0] % 8 == 0 ? new byte[IUnitGrain.PieceBytes + payload[0]] : payload;
        }

        MemberHost lost = await Join("lost", Compute);
        _ = await Join("stays", Compute);
        List<(int, int)> results = [];
        Task run = Run(24, inOrder: true, (i, result) => results.Add((i, result.Length)));
        for (int i = 0; i < 4; i++)
            Assert.True(await begun.WaitAsync(Patience));
        await lost.StopAsync(new CancellationToken(canceled: true)); // at once, without a word
        await lost.DisposeAsync();
        _ = _members.Remove(lost);
        MemberHost late = await Join("late", Compute);
        await run.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (i, i % 8 == 0 ? IUnitGrain.PieceBytes + i : 1)), results);
        Assert.True((await MemberList.ReadAsync(_client.Grains)).Single(report => report.Name == "late").Units.Done > 0, string.Join('\n', _notes));
    }

    [Fact]
    public async Task Members_that_would_give_other_bits_are_refused_unless_anything_goes()
    {
        _ = await Join("wide", arithmetic: "simd512");
        _ = await Join("narrow", arithmetic: "simd256");
        UnitModel wanted = UnitTestModel.Model with { Arithmetic = "simd512" };
        await Run(6, inOrder: false, (_, _) => { }, wanted);
        Assert.Single(_notes, note => note == "narrow takes no part: computes with simd256 where simd512 is asked for");
        await Run(6, inOrder: false, (_, _) => { }, UnitTestModel.Model);
        Assert.True((await MemberList.ReadAsync(_client.Grains)).Single(report => report.Name == "narrow").Units.Done > 0);

        InvalidInputException failure = await Assert.ThrowsAsync<InvalidInputException>(
            () => Run(6, inOrder: false, (_, _) => { }, wanted with { Fingerprint = "0123" }));
        Assert.StartsWith("no member of the cluster can take part: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"another model, of fingerprint {UnitTestModel.Fingerprint} where 0123 is asked for", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_third_failure_stops_the_run_with_its_reason()
    {
        int tried = 0;
        byte[] Compute(byte[] payload, CancellationToken stop)
        {
            if (payload[0] == 2)
            {
                _ = Interlocked.Increment(ref tried);
                throw new InvalidInputException("f.jsonl:2: the loss is NaN");
            }

            return payload;
        }

        _ = await Join("one", Compute);
        _ = await Join("two", Compute);
        InvalidInputException failure = await Assert.ThrowsAsync<InvalidInputException>(() => Run(4, inOrder: false, (_, _) => { }));
        Assert.Equal("f.jsonl:2: the loss is NaN", failure.Message);
        Assert.Equal(3, tried);
        Assert.Equal(2, _notes.Count(note => note.EndsWith("failed on one: f.jsonl:2: the loss is NaN; it is tried again", StringComparison.Ordinal)
            || note.EndsWith("failed on two: f.jsonl:2: the loss is NaN; it is tried again", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Ctrl_C_ends_the_run_and_members_drop_its_units()
    {
        using SemaphoreSlim begun = new(0), cancelled = new(0);
        _ = await Join("one", (payload, stop) =>
        {
            _ = begun.Release();
            _ = stop.WaitHandle.WaitOne(Patience);
            _ = cancelled.Release();
            throw new OperationCanceledException(stop);
        });
        using CancellationTokenSource interrupt = new();
        Task run = Run(4, inOrder: false, (_, _) => { }, cancellation: interrupt.Token);
        Assert.True(await begun.WaitAsync(Patience));
        await interrupt.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.True(await cancelled.WaitAsync(Patience));
    }

    [Fact]
    public async Task Without_a_member_that_computes_the_run_waits_and_ends_in_one_line()
    {
        MemberHost leaving = await Join("leaving");
        leaving.State.Drain();
        IOException failure = await Assert.ThrowsAsync<IOException>(() => Task.Run(() =>
            new ClusterWorkers(_client.Grains, UnitTestModel.Model, Options with { Patience = TimeSpan.FromSeconds(1) })
                .Run(TestHandler.Units(1), inOrder: false, (_, _) => null, CancellationToken.None)));
        Assert.StartsWith("the cluster has had no member that computes for 1 s", failure.Message, StringComparison.Ordinal);
    }

    private static string Own
    {
        get
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(1);
            return backend.Arithmetic;
        }
    }

    private ClusterWorkersOptions Options => new()
    {
        Interval = TimeSpan.FromMilliseconds(200),
        Patience = Patience,
        Answer = TimeSpan.FromSeconds(3),
        Silence = TimeSpan.FromSeconds(10),
        Note = note =>
        {
            lock (_notes)
                _notes.Add(note);
        },
    };

    private static MemberOptions Member(string name) => new() { Name = name, Version = "test", Note = _ => { } };

    private ClusterWorkers Workers(UnitModel model) => new(_client.Grains, model, Options);

    private Task Run(
        int units, bool inOrder, Action<int, ReadOnlyMemory<byte>> finished, UnitModel? model = null, CancellationToken cancellation = default) =>
        Task.Run(() => Workers(model ?? UnitTestModel.Model).Run(TestHandler.Units(units), inOrder, (i, result) =>
        {
            finished(i, result);
            return null;
        }, cancellation), CancellationToken.None);

    private async Task<MemberHost> Join(string name, Func<byte[], CancellationToken, byte[]>? run = null, string? arithmetic = null)
    {
        UnitOptions options = new()
        {
            CreateBackend = () => ComputeBackend.CreateCpu(1),
            Arithmetic = arithmetic ?? Own,
            Version = "test",
            EmbeddedModel = RepositoryFiles.DemoModel,
            Handlers = [new TestHandler(run ?? ((payload, _) => payload)), .. UnitHandlers.All],
            Hold = TimeSpan.FromSeconds(1),
        };
        MemberHost member = await MemberHost.JoinAsync(_connection, Member(name), services => UnitRunner.AddTo(services, options));
        lock (_members)
            _members.Add(member);
        return member;
    }
}
