using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Search.Profiling;

namespace MoA.Search.Tests.Profiling;

public sealed class ProfileItemTests
{
    [Fact]
    public void Loss_positions_stand_before_the_tokens_of_answers()
    {
        ProfileItem item = new([9, 8, 7, 6, 5, 4], [new AnswerSpan(4, 6), new AnswerSpan(0, 2)], "here");
        Assert.Equal(5, item.Length);
        Assert.Equal([0, 3, 4], item.LossPositions.ToArray());
    }

    [Fact]
    public void Without_answers_every_token_but_the_first_counts() =>
        Assert.Equal([0, 1], new ProfileItem([9, 8, 7], null, "here").LossPositions.ToArray());

    [Theory]
    [InlineData(-1, 2)]
    [InlineData(2, 1)]
    [InlineData(1, 4)]
    public void Spans_outside_the_tokens_are_refused(int start, int end)
    {
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(
            () => new ProfileItem([9, 8, 7], [new AnswerSpan(start, end)], "data.jsonl:3"));
        Assert.StartsWith($"data.jsonl:3: answer [{start}, {end})", refusal.Message, StringComparison.Ordinal);
    }
}
