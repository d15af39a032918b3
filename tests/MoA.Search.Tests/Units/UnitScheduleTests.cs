using FsCheck;
using FsCheck.Fluent;
using MoA.Engine;
using MoA.Search.Units;
using MoA.Tests;

namespace MoA.Search.Tests.Units;

/// <summary>Who gets which unit, and when results are delivered.</summary>
public sealed class UnitScheduleTests
{
    private static readonly string[] Members = ["a", "b"];

    private readonly List<int> _delivered = [];

    [Fact]
    public void Results_in_order_wait_for_those_before_them_and_few_are_under_way()
    {
        UnitSchedule schedule = Schedule(10, inOrder: true);
        Assert.Equal([0, 1, 2, 3], TakeAll(schedule, "a"));
        schedule.Finish(2, default);
        schedule.Finish(1, default);
        Assert.Empty(_delivered);
        Assert.Empty(TakeAll(schedule, "b"));
        schedule.Finish(0, default);
        Assert.Equal([0, 1, 2], _delivered);
        Assert.Equal([4, 5, 6], TakeAll(schedule, "b"));
        schedule.GiveBack(3); // its member was lost: the first that anybody takes
        Assert.Equal([3], TakeAll(schedule, "b"));
    }

    [Fact]
    public void A_unit_that_failed_goes_to_somebody_else_and_the_third_failure_stops_all()
    {
        UnitSchedule schedule = Schedule(2, inOrder: false);
        Assert.Equal([0, 1], TakeAll(schedule, "a"));
        schedule.Fail(0, "a", new UnitFailure("no memory", IsInput: false));
        Assert.Empty(TakeAll(schedule, "a"));
        Assert.Equal([0], TakeAll(schedule, "b"));
        schedule.GiveBack(0); // lost, which is no failure
        Assert.Equal([0], TakeAll(schedule, "b"));
        schedule.Fail(0, "b", new UnitFailure("no memory", IsInput: false));
        Assert.Equal([0], TakeAll(schedule, "a")); // there is nobody else
        IOException failure = Assert.Throws<IOException>(() => schedule.Fail(0, "a", new UnitFailure("no memory", IsInput: false)));
        Assert.Equal("unit 0: failed 3 times, the last time on a: no memory", failure.Message);

        schedule.Fail(1, "a", new UnitFailure("bad", IsInput: true));
        schedule.Fail(1, "b", new UnitFailure("bad", IsInput: true));
        Assert.Equal("f.jsonl:3: bad", Assert.Throws<InvalidInputException>(
            () => schedule.Fail(1, "b", new UnitFailure("f.jsonl:3: bad", IsInput: true))).Message);
    }

    [Fact]
    public void What_follows_on_a_unit_takes_its_place_with_failures_of_its_own()
    {
        int left = 2;
        UnitSchedule schedule = new([Unit(0)], inOrder: false, (_, _) => left-- > 0 ? Unit(9) : null);
        for (int i = 0; i < 3; i++)
        {
            for (int failures = 0; failures < 2; failures++)
            {
                Assert.True(schedule.TryTake("a", ["a"], out int index, out WorkUnit? unit));
                Assert.Equal(i == 0 ? "unit 0" : "unit 9", unit.Title);
                schedule.Fail(index, "a", new UnitFailure("x", IsInput: false));
            }

            Assert.False(schedule.IsDone);
            Assert.True(schedule.TryTake("a", ["a"], out int last, out _));
            schedule.Finish(last, default);
        }

        Assert.True(schedule.IsDone);
        Assert.False(schedule.TryTake("a", ["a"], out _, out _));
        Assert.True(Schedule(0, inOrder: true).IsDone);
    }

    /// <summary>Whatever happens to members, every result is delivered once, and in order where that is asked for.</summary>
    [Fact]
    public void Every_unit_is_delivered_once() => Prop.ForAll(
        Gen.Choose(0, 30).SelectMany(units => Gen.Choose(0, int.MaxValue - 1).Select(seed => (units, seed))).ToArbitrary(),
        arguments =>
        {
            foreach (bool inOrder in new[] { false, true })
            {
                List<int> delivered = [];
                UnitSchedule schedule = new([.. Enumerable.Range(0, arguments.units).Select(Unit)], inOrder, (i, _) =>
                {
                    delivered.Add(i);
                    return null;
                });
                Random random = new(arguments.seed);
                List<int> taken = [];
                for (int step = 0; !schedule.IsDone && step < 10_000; step++)
                {
                    if (random.Next(2) == 0 && schedule.TryTake(Members[random.Next(2)], Members, out int free, out _))
                        taken.Add(free);
                    if (taken.Count == 0 || random.Next(2) == 0)
                        continue;
                    int index = taken[random.Next(taken.Count)];
                    _ = taken.Remove(index);
                    if (random.Next(4) == 0)
                        schedule.GiveBack(index);
                    else
                        schedule.Finish(index, default);
                }

                int[] expected = [.. Enumerable.Range(0, arguments.units)];
                if (!schedule.IsDone || !expected.SequenceEqual(inOrder ? delivered : delivered.Order()))
                    return false;
            }

            return true;
        }).Holds();

    private static WorkUnit Unit(int number) => new("test", [(byte)number], $"unit {number}");

    private static List<int> TakeAll(UnitSchedule schedule, string member)
    {
        List<int> taken = [];
        while (schedule.TryTake(member, Members, out int index, out _))
            taken.Add(index);
        return taken;
    }

    private UnitSchedule Schedule(int units, bool inOrder) => new([.. Enumerable.Range(0, units).Select(Unit)], inOrder, (i, _) =>
    {
        _delivered.Add(i);
        return null;
    });
}
