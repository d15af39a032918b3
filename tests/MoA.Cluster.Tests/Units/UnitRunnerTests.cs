using MoA.Cluster.Members;
using MoA.Cluster.Units;
using MoA.Engine.Kernels;
using MoA.Search.Units;
using MoA.Tests;

namespace MoA.Cluster.Tests.Units;

/// <summary>The side of a member, without a cluster.</summary>
public sealed class UnitRunnerTests
{
    private static readonly string Fingerprint = UnitTestModel.Fingerprint;

    [Fact]
    public async Task The_same_unit_is_computed_once_whoever_asks()
    {
        int computed = 0;
        using ManualResetEventSlim go = new();
        using UnitRunner runner = Runner((payload, stop) =>
        {
            _ = Interlocked.Increment(ref computed);
            go.Wait(stop);
            return [.. payload, 7];
        });
        Assert.Equal(UnitState.NotYet, (await runner.AskAsync(Call(1), false)).State);
        UnitReply[] early = await Task.WhenAll(runner.AskAsync(Call(1), false), runner.AskAsync(Call(2), false));
        Assert.All(early, reply => Assert.Equal(UnitState.NotYet, reply.State));
        UnitCounts counts = runner.AddTo(Report()).Units;
        Assert.Equal((1, 1), (counts.Running, counts.Waiting));
        go.Set();
        UnitReply[] replies = await Task.WhenAll(Until(runner, 1), Until(runner, 1), Until(runner, 2));
        Assert.Equal([[1, 7], [1, 7], [2, 7]], replies.Select(reply => reply.Piece));
        Assert.Equal(2, computed);
        Assert.Equal(2, runner.AddTo(Report()).Units.Done);
        Assert.Equal(Fingerprint, Assert.Single(runner.AddTo(Report()).Models).Fingerprint);

        runner.Drop([Call(1).Key]);
        _ = await Until(runner, 1);
        Assert.Equal(3, computed);
    }

    [Fact]
    public async Task What_nobody_asks_for_any_more_is_dropped()
    {
        using SemaphoreSlim cancelled = new(0);
        using UnitRunner runner = Runner((payload, stop) =>
        {
            if (payload[0] == 9)
                return payload;
            _ = stop.WaitHandle.WaitOne();
            _ = cancelled.Release();
            throw new OperationCanceledException(stop);
        }, TimeSpan.FromMilliseconds(200));
        _ = await Task.WhenAll(runner.AskAsync(Call(1), false), runner.AskAsync(Call(2), false));
        Assert.True(await cancelled.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal([9], (await Until(runner, 9)).Piece); // the other that waited is gone too, or would hold this one up
        Assert.Equal(0, runner.AddTo(Report()).Units.Failed);
    }

    [Fact]
    public async Task Large_results_are_read_in_pieces()
    {
        byte[] large = new byte[2 * IUnitGrain.PieceBytes + 100];
        new Random(1).NextBytes(large);
        using UnitRunner runner = Runner((_, _) => large);
        UnitReply reply = await Until(runner, 1);
        Assert.Equal((large.Length, IUnitGrain.PieceBytes), (reply.Bytes, reply.Piece.Length));
        Assert.Equal(large[IUnitGrain.PieceBytes..(2 * IUnitGrain.PieceBytes)], runner.Read(Call(1).Key, IUnitGrain.PieceBytes));
        Assert.Equal(large[(2 * IUnitGrain.PieceBytes)..], runner.Read(Call(1).Key, 2 * IUnitGrain.PieceBytes));
        Assert.Null(runner.Read(Call(1).Key, large.Length));
        Assert.Null(runner.Read(Call(1).Key, -1));
        Assert.Null(runner.Read(Call(2).Key, 0));
    }

    [Fact]
    public async Task Who_leaves_ends_what_is_under_way_and_takes_nothing_else()
    {
        using ManualResetEventSlim go = new();
        using UnitRunner runner = Runner((payload, stop) =>
        {
            go.Wait(stop);
            return payload;
        });
        _ = await Task.WhenAll(runner.AskAsync(Call(1), false), runner.AskAsync(Call(2), false));
        Assert.Equal(UnitState.Leaving, (await runner.AskAsync(Call(2), true)).State); // waits, and goes to somebody else
        Assert.Equal(UnitState.Leaving, (await runner.AskAsync(Call(3), true)).State);
        Assert.Equal(UnitState.NotYet, (await runner.AskAsync(Call(1), true)).State);
        Task stopping = runner.StopAsync(CancellationToken.None);
        go.Set();
        Assert.Equal([1], (await Until(runner, 1)).Piece);
        runner.Drop([Call(1).Key]);
        await stopping.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task What_is_asked_wrongly_is_refused_and_what_fails_says_why()
    {
        using UnitRunner runner = Runner((payload, _) => payload[0] switch
        {
            1 => throw new MoA.Engine.InvalidInputException("f.jsonl:1: bad"),
            2 => throw new IOException("disk\nfull"),
            _ => throw new InvalidOperationException("a defect"),
        });
        UnitReply[] failures = [await Until(runner, 1), await Until(runner, 2), await Until(runner, 3)];
        Assert.All(failures, failure => Assert.Equal(UnitState.Failed, failure.State));
        Assert.Equal([("f.jsonl:1: bad", true), ("disk full", false), ("InvalidOperationException: a defect", false)], failures.Select(failure => (failure.Reason, failure.IsInput)));
        Assert.Equal(3, runner.AddTo(Report()).Units.Failed);

        runner.Drop([Call(1).Key, Call(2).Key, Call(3).Key]);
        UnitCall call = Call(1);
        foreach ((UnitCall wrong, string reason) in new[]
        {
            (call with { Model = call.Model with { Fingerprint = "0123" } }, $"another model, of fingerprint {Fingerprint} where 0123 is asked for"),
            (call with { Model = call.Model with { Name = "/nowhere/model", Fingerprint = "4567" } }, "/nowhere/model: there is no such folder or file"),
            (call with { Model = call.Model with { Version = "0.0" } }, "runs version test of moa where 0.0 asks"),
            (call with { Model = call.Model with { Arithmetic = "simd1024" } }, "computes with simd512 where simd1024 is asked for"),
            (call with { Model = call.Model with { Weights = "q9", Fingerprint = "89ab" } }, "--weights q9: no format of that name"),
            (call with { Kind = "other", Id = "other/1" }, "does not know units of the kind other"),
        })
        {
            UnitReply reply = await Until(runner, wrong);
            Assert.Equal(UnitState.Refused, reply.State);
            Assert.Contains(reason, reply.Reason, StringComparison.Ordinal);
            runner.Drop([wrong.Key]);
        }

        Assert.Equal("f.jsonl:1: bad", (await Until(runner, 1)).Reason); // the right model comes back
    }

    private static UnitRunner Runner(Func<byte[], CancellationToken, byte[]> run, TimeSpan? unasked = null) => new(new UnitOptions
    {
        CreateBackend = () => ComputeBackend.CreateCpu(1),
        Arithmetic = "simd512",
        Version = "test",
        EmbeddedModel = RepositoryFiles.DemoModel,
        Handlers = [new TestHandler(run)],
        Hold = TimeSpan.FromMilliseconds(50),
        Unasked = unasked ?? TimeSpan.FromMinutes(1),
    });

    private static UnitCall Call(byte number)
    {
        WorkUnit unit = new(TestHandler.Name, [number], "");
        return new UnitCall(UnitTestModel.Model, unit.Kind, unit.Id, unit.Payload);
    }

    private static Task<UnitReply> Until(UnitRunner runner, byte number) => Until(runner, Call(number));

    private static async Task<UnitReply> Until(UnitRunner runner, UnitCall call)
    {
        for (int i = 0; i < 1000; i++)
        {
            if (await runner.AskAsync(call, false) is { State: not UnitState.NotYet } reply)
                return reply;
        }

        throw new TimeoutException();
    }

    private static MemberReport Report() => new() { Name = "n", Address = "a", Version = "test" };
}
