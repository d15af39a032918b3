using System.Text.RegularExpressions;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Numerics;
using MoA.Evaluation.Recital;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Tests.Recital;

public sealed partial class RecitalTaskTests(DemoModel demo) : IClassFixture<DemoModel>
{
    /// <summary>Read back from its tokens, a text is a record, and questions whose answers say what the record does; the numbers of the answers count, and nothing else.</summary>
    [Theory]
    [InlineData(512)]
    [InlineData(1024)]
    public void Texts_name_the_lines_of_their_record(int length)
    {
        EvaluationSet set = new RecitalTask(demo.Model).Generate(length, 2, 3);
        Assert.Equal(("recital", 2), (set.Task, set.Items.Count));
        foreach (EvaluationItem item in set.Items)
        {
            Assert.InRange(item.Length, 0.75 * length, length);
            string text = demo.Model.Tokenizer!.Decode(item.Prompt);
            Dictionary<string, string> record = RecordLine().Matches(text).ToDictionary(line => line.Groups[1].Value, line => line.Groups[2].Value);
            Match[] answers = [.. Answer().Matches(text).OfType<Match>()];
            Assert.All(answers, answer => Assert.Equal(record[answer.Groups[1].Value], answer.Groups[2].Value));
            Assert.Equal(answers.Length, answers.Select(answer => answer.Groups[1].Value).Distinct().Count());
            int first = Array.IndexOf(item.IsScored!, true);
            Assert.InRange(first, 0.15 * length, 0.5 * length); // most of it is written
            string marked = demo.Model.Tokenizer.Decode([.. item.Prompt.Where((_, i) => item.IsScored![i])]);
            Assert.Equal(string.Concat(answers.Select(answer => answer.Groups[2].Value)), marked);
        }

        Assert.Equal(set.Items.Select(item => string.Join(' ', item.Prompt)), new RecitalTask(demo.Model).Generate(length, 2, 3).Items.Select(item => string.Join(' ', item.Prompt)));
        Assert.NotEqual(set.Items[0].Prompt, set.Items[1].Prompt);
    }

    /// <summary>
    /// The bytes told are those held at the end: what choosing again keeps is the size's, to the row, and what a choice at the prompt's end alone keeps grows with all that is written.
    /// </summary>
    [Fact]
    public void Bytes_are_those_held_at_the_end()
    {
        EvaluationSet set = new RecitalTask(demo.Model).Generate(768, 1, 1);
        int length = set.Items[0].Length, first = Array.IndexOf(set.Items[0].IsScored!, true);
        long row = 4 * 8 * 2 * 32 * 2, budget = new ElasticRule(0, 0.25).Rows(length);
        Assert.Equal(budget * row, Run("streaming-llm:density=0.25").KvBytes);
        Assert.Equal(budget * row, Run("h2o:density=0.25").KvBytes);
        Assert.Equal(budget * row, Run("snapkv:density=0.25,every=64").KvBytes);
        Assert.Equal((64 + length - first) * row, Run("snapkv:density=0.25").KvBytes);
        Assert.True(Run("dense").MeanCrossEntropy < Run("streaming-llm:density=0.25").MeanCrossEntropy);

        EvaluationMetrics Run(string policy) => new EvaluationRun(
            demo.Model, new EvaluationSettings { Folder = demo.NewPath(), ScoreThroughDecode = true, CacheType = ElementType.BF16 })
            .Run(set, new PolicyChoice(PolicyReader.Read(policy, null, demo.Model.Config), policy, policy));
    }

    [Fact]
    public void A_length_without_room_is_refused() =>
        Assert.Contains("too short", Assert.Throws<InvalidInputException>(() => new RecitalTask(demo.Model).Generate(32, 1, 0)).Message, StringComparison.Ordinal);

    [GeneratedRegex(@"^line (\S+): REGISTER_CONTENT is <(\d+)>$", RegexOptions.Multiline)]
    private static partial Regex RecordLine();

    [GeneratedRegex(@"The <REGISTER_CONTENT> in line (\S+) is <(\d+)>\.")]
    private static partial Regex Answer();
}
