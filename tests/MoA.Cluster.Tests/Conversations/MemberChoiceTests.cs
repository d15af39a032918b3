using FsCheck;
using FsCheck.Fluent;
using MoA.Cluster.Conversations;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;
using MoA.Tests;

namespace MoA.Cluster.Tests.Conversations;

public sealed class MemberChoiceTests
{
    private const long Gibi = 1 << 30;

    [Fact]
    public void The_member_with_most_room_is_chosen()
    {
        MemberCandidate[] members = [Member("a", free: 3), Member("b", free: 5), Member("c", free: 4)];
        Assert.Equal("b", Choose(members, Need(1)));
        Assert.Equal("c", Choose(members, Need(1, avoid: "b")));
    }

    [Fact]
    public void Who_has_least_to_read_is_chosen()
    {
        // A beginning of 1,000 tokens is worth one request that is there, but not two.
        Assert.Equal("a", Choose([Member("a", free: 3, prefixes: 7), Member("b", free: 5)], Need(1, prefix: 7)));
        Assert.Equal("a", Choose([Member("a", free: 3, prefixes: 7, requests: 1), Member("b", free: 5)], Need(1, prefix: 7)));
        Assert.Equal("b", Choose([Member("a", free: 5, prefixes: 7, requests: 2), Member("b", free: 3)], Need(1, prefix: 7)));
        // The longest beginning counts, and who lets a request wait comes last.
        ConversationNeed both = Need(1) with { Prefixes = [new(7, 1000), new(8, 3000)] };
        Assert.Equal("c", Choose([Member("a", free: 5), Member("b", free: 5, prefixes: 7), Member("c", free: 4, prefixes: 8, requests: 3)], both));
        Assert.Equal("b", Choose([Member("a", free: 5), Member("b", free: 5, prefixes: 7), Member("c", free: 4, prefixes: 8, requests: 4)], both));
        Assert.Equal("b", Choose([Member("a", free: 5, prefixes: 7, isFull: true), Member("b", free: 4, requests: 9)], Need(1, prefix: 7)));
    }

    /// <summary>A member that has just started is empty, but does not get everything.</summary>
    [Fact]
    public void Work_counts_before_room()
    {
        MemberCandidate[] members = [Member("new", free: 10, requests: 5), .. Enumerable.Range(0, 99).Select(i => Member($"m{i}", free: 1, requests: 4))];
        Random random = new(3);
        Assert.DoesNotContain("new", Enumerable.Range(0, 1000).Select(_ => MemberChoice.Choose(members, Need(1), random)!.Address));
        members[0] = members[0] with { Requests = 3 };
        Assert.InRange(Enumerable.Range(0, 10000).Count(_ => MemberChoice.Choose(members, Need(1), random)!.Address == "new"), 200, 600); // two draws of two from 100
    }

    [Fact]
    public void Kept_caches_count_half_and_give_way()
    {
        MemberCandidate kept = Member("a", free: 0) with { KeptBytes = 8 * Gibi };
        Assert.Equal("a", Choose([kept, Member("b", free: 3)], Need(1)));
        Assert.Equal("b", Choose([kept, Member("b", free: 5)], Need(1)));
        Assert.Equal("a", Choose([kept, Member("b", free: 5)], Need(6)));
    }

    [Fact]
    public void Who_can_never_hold_it_is_not_chosen_where_another_can()
    {
        MemberCandidate small = new("small", 2 * Gibi, 0, 0, false, 0, new HashSet<ulong>()), full = Member("full", free: 1, isFull: true);
        Assert.Equal("full", Choose([small, full], Need(4)));
        Assert.Equal("small", Choose([small], Need(4))); // who says why it is refused
        Assert.Null(MemberChoice.Choose([], Need(1), new Random(1)));
    }

    /// <summary>Of any members one is chosen; none that has to wait or is avoided where another is not; and of few the one with least to read and most room.</summary>
    [Fact]
    public void Choices_keep_to_the_rules()
    {
        Gen<MemberCandidate> member =
            from name in Gen.Choose(0, 1000)
            from used in Gen.Choose(0, 8)
            from kept in Gen.Choose(0, used)
            from waiting in Gen.Choose(0, 2)
            from prefix in Gen.Choose(0, 3)
            select new MemberCandidate($"m{name}", 8 * Gibi, used * Gibi, kept * Gibi, waiting > 0, waiting, new HashSet<ulong> { (ulong)prefix });
        var cases =
            from members in member.NonEmptyListOf()
            from bytes in Gen.Choose(0, 9)
            from avoided in Gen.Choose(0, 5)
            from seed in Gen.Choose(0, int.MaxValue)
            select (Members: members.DistinctBy(one => one.Address).ToArray(), Need: Need(bytes, prefix: 1, avoid: members[avoided % members.Count].Address), seed);
        Prop.ForAll(cases.ToArbitrary(), given =>
        {
            (MemberCandidate[] members, ConversationNeed need, int seed) = given;
            MemberCandidate? chosen = MemberChoice.Choose(members, need, new Random(seed));
            MemberCandidate[] others = [.. members.Where(one => !need.Avoid.Contains(one.Address))];
            Assert.Equal(others.Length == 0, chosen is null);
            if (chosen is null)
                return;
            Assert.Contains(chosen, others);
            MemberCandidate[] able = [.. others.Where(one => one.Fits(need.Bytes))];
            Assert.True(able.Length == 0 || able.Contains(chosen));
            if (able.Length is > 0 and <= 4)
                Assert.Equal(able.Min(one => (MemberChoice.ToRead(one, need), -one.Room)), (MemberChoice.ToRead(chosen, need), -chosen.Room));
        }).Holds(300);
    }

    [Fact]
    public void Turns_and_regenerated_answers_of_a_conversation_share_its_key()
    {
        ChatMessage system = new(ChatRole.System, new string('s', 400)), question = new(ChatRole.User, "Who?"), answer = new(ChatRole.Assistant, "I.");
        ChatRequest first = new() { Messages = [system, question] };
        string key = ConversationKey.Of(first, "f");
        Assert.Equal(key, ConversationKey.Of(first with { Messages = [system, question, answer, new(ChatRole.User, "Why?")], MaxNewTokens = 7 }, "f"));
        Assert.NotEqual(key, ConversationKey.Of(first with { Messages = [system, new(ChatRole.User, "Why?")] }, "f"));
        Assert.NotEqual(key, ConversationKey.Of(first with { Messages = [question] }, "f"));
        Assert.NotEqual(key, ConversationKey.Of(first with { Conversation = "mine" }, "f"));
        Assert.NotEqual(key, ConversationKey.Of(first, "other model"));
        Assert.Equal(ConversationKey.PrefixesOf(first), ConversationKey.PrefixesOf(first with { Messages = [system, new(ChatRole.User, "Why?")] }));
        Assert.Empty(ConversationKey.PrefixesOf(first with { Messages = [question] }));
    }

    private static string Choose(MemberCandidate[] members, ConversationNeed need) => MemberChoice.Choose(members, need, new Random(1))!.Address;

    private static MemberCandidate Member(string name, int free, ulong prefixes = 0, bool isFull = false, int requests = 0) =>
        new(name, 10 * Gibi, (10 - free) * Gibi, 0, isFull, requests, new HashSet<ulong> { prefixes });

    private static ConversationNeed Need(int gibi, ulong prefix = 99, string avoid = "") =>
        new() { Fingerprint = "f", Bytes = gibi * Gibi, Prefixes = [new(prefix, 1000)], Avoid = [avoid] };
}
