using System.Globalization;
using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Benchmarks.Tests.Cluster;

/// <summary>One member, cases worked by hand: a prompt's token takes 1 ms, a step 10 ms, and twice as long beside a prompt.</summary>
public sealed class MemberTests : IMemberObserver
{
    private const double Ms = 1e-3;

    private readonly List<string> _log = [];

    private static MemberSettings Settings { get; } = new()
    {
        Costs = new(1 * Ms, 0, [1, 2], [10 * Ms, 10 * Ms], 0, LongestStep: 2),
        Rules = Shapes.Dense,
        CacheBytes = 1L << 40,
    };

    [Fact]
    public void A_prompt_is_read_and_an_answer_written()
    {
        Turn turn = Ask(1, system: 0, question: 100, answer: 11, at: 0);

        Play(new Member(Settings, this), (0, turn));

        // 200 tokens are read in 200 ms, which gives the first token; ten more take 100 ms.
        Assert.Equal(["0 begins 1 behind 0", "200 shows 1", "300 ends 1"], _log);
    }

    // The second comes at 50 ms: halves until the first is read at 350 (150 ms of it were left), half of the time beside its ten steps of 20 ms until 550, alone for the
    // last 150 of its 400 ms.
    [Fact]
    public void Two_prompts_share_and_leave_half_of_the_time_to_an_answer()
    {
        Play(new Member(Settings, this), (0, Ask(1, 0, question: 100, answer: 11, at: 0)), (0.05, Ask(2, 1, question: 300, answer: 1, at: 0.05)));

        Assert.Equal(["0 begins 1 behind 0", "50 begins 2 behind 0", "350 shows 1", "550 ends 1", "700 shows 2", "700 ends 2"], _log);
    }

    // The third has least left: from 0 on it has half of the time, and the first the other half; the second none until 200.
    [Fact]
    public void The_first_prompt_and_the_one_with_least_left_are_read()
    {
        Play(new Member(Settings, this),
            (0, Ask(1, 0, question: 900, answer: 1, at: 0)), (0, Ask(2, 1, question: 400, answer: 1, at: 0)), (0, Ask(3, 2, question: 1, answer: 1, at: 0)));

        // 3: 101 ms at half: 202. Then 2: 500 ms at half, until 1202. The first had 601 of its 1000 by then: 1601.
        Assert.Equal(["202 shows 3", "202 ends 3", "1202 shows 2", "1202 ends 2", "1601 shows 1", "1601 ends 1"], _log[3..]);
    }

    // Who has the same system prompt waits until it is read and finds its 100 tokens there; another passes meanwhile.
    [Fact]
    public void A_system_prompt_is_read_once()
    {
        Play(new Member(Settings, this),
            (0, Ask(1, 0, question: 100, answer: 1, at: 0)), (0, Ask(2, 0, question: 100, answer: 1, at: 0)), (0, Ask(3, 1, question: 100, answer: 1, at: 0)));

        Assert.Equal(["0 begins 1 behind 0", "0 begins 3 behind 0", "200 begins 2 behind 100"], _log[..3]);
    }

    // A turn goes on behind what the last one left: 100 + 100 + 21 tokens.
    [Fact]
    public void The_next_turn_finds_its_caches()
    {
        Conversation conversation = Conversation(1, 0);
        Member member = new(Settings, this);
        Turn first = new(conversation, 100, 21, 1024, 0);
        Play(member, (0, first));
        conversation.HasBegun = true;
        Play(member, (1, new Turn(conversation, 50, 2, 1024, 1)));

        Assert.Equal(["1000 begins 1 behind 221", "1050 shows 1", "1060 ends 1"], _log[3..]);
    }

    // Dense rows of 1B: 32 KiB a token. Requests of 1,024 + 200 tokens (1,280 rows in whole blocks: 40 MiB), room for two of them and a half.
    [Fact]
    public void Nobody_overtakes_who_waits_for_room()
    {
        MemberSettings settings = Settings with { CacheBytes = 100L << 20 };
        Turn[] turns = [.. Enumerable.Range(1, 3).Select(i => Ask(i, i, question: 100, answer: 1, at: 0)), Ask(4, 4, question: 100, answer: 1, at: 0, asked: 1)];

        Member member = new(settings, this);
        Play(member, [.. turns.Select(turn => (0.0, turn))]);

        // 1 ends at 400 and its caches (packed: 8 MiB) are given up or fit beside; then 3 and 4 begin, in that order.
        Assert.Equal(["0 begins 1 behind 0", "0 begins 2 behind 0"], _log[..2]);
        Assert.Equal(["3", "4"], _log.Where(line => line.Contains("begins", StringComparison.Ordinal)).Skip(2).Select(line => line.Split(' ')[2]));
        Assert.InRange(member.PeakBytes, 80L << 20, 100L << 20);
    }

    [Fact]
    public void What_can_never_fit_and_what_finds_the_queue_full_is_refused()
    {
        Member member = new(Settings with { CacheBytes = 41L << 20, QueueLength = 1 }, this);

        Assert.False(member.TrySubmit(Ask(1, 0, question: 2000, answer: 1, at: 0), 0));
        Assert.True(member.TrySubmit(Ask(2, 0, question: 100, answer: 1, at: 0), 0));
        Assert.True(member.TrySubmit(Ask(3, 1, question: 100, answer: 1, at: 0), 0));
        Assert.False(member.TrySubmit(Ask(4, 2, question: 100, answer: 1, at: 0), 0));
    }

    [Fact]
    public void Who_waits_too_long_gives_up()
    {
        MemberSettings settings = Settings with { MaxSequences = 1, LongestWaitSeconds = 0.5 };

        Play(new Member(settings, this), (0, Ask(1, 0, question: 900, answer: 1, at: 0)), (0.1, Ask(2, 1, question: 1, answer: 1, at: 0.1)));

        Assert.Equal(["0 begins 1 behind 0", "600 loses 2", "1000 shows 1", "1000 ends 1"], _log);
    }

    void IMemberObserver.Began(Turn turn, int held, double now) => Log(now, $"begins {turn.Conversation.Id} behind {held}");

    void IMemberObserver.FirstToken(Turn turn, double now) => Log(now, $"shows {turn.Conversation.Id}");

    void IMemberObserver.Ended(Turn turn, double now) => Log(now, $"ends {turn.Conversation.Id}");

    void IMemberObserver.GaveUp(Turn turn, double now) => Log(now, $"loses {turn.Conversation.Id}");

    private static Conversation Conversation(int id, int system) => new(id, system, 100, 1, new Randomness(1, (ulong)id));

    private static Turn Ask(int id, int system, int question, int answer, double at, int asked = 1024) =>
        new(Conversation(id, system), question, answer, asked, at);

    private static void Play(Member member, params (double At, Turn Turn)[] turns)
    {
        Queue<(double At, Turn Turn)> coming = new(turns);
        while (coming.Count > 0 || !double.IsInfinity(member.Next))
        {
            if (coming.TryPeek(out (double At, Turn Turn) next) && next.At <= member.Next)
                Assert.True(member.TrySubmit(coming.Dequeue().Turn, next.At));
            else
                member.Happen(member.Next);
        }
    }

    private void Log(double now, string what) => _log.Add(string.Create(CultureInfo.InvariantCulture, $"{now * 1000:F0} {what}"));
}
