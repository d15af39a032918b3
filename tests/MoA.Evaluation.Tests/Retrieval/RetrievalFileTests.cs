using MoA.Engine;
using MoA.Evaluation.Retrieval;
using MoA.Evaluation.Tasks;
using MoA.Evaluation.Tests.Data;

namespace MoA.Evaluation.Tests.Retrieval;

public sealed class RetrievalFileTests(DemoModel demo) : IClassFixture<DemoModel>
{
    [Fact]
    public void Both_published_formats_are_dealt_to_lengths_and_depths()
    {
        string file = SampleFiles.Write(demo.NewPath(), "q.jsonl",
            """{"question":"What is in line a?","value":17,"num_lines":20,"key_id":3}""",
            """{"question":"What is in line b?","value":18,"num_lines":20,"key_id":3}""",
            """{"random_idx":["c",19],"expected_number":42,"num_lines":20,"correct_line":"x","prompt":"What is in line c?"}""",
            $$"""{"question":"{{new string('x', 400)}}","value":1,"num_lines":0,"key_id":7}""",
            $$"""{"question":"{{new string('x', 40_000)}}","value":1}""");
        IReadOnlyList<EvaluationSet> sets = RetrievalFile.Read(demo.Model, file, [128, 1024], 2);
        Assert.Equal([(128, 2), (1024, 1)], sets.Select(set => (set.Length, set.Items.Count)));
        Assert.Equal(["17", "42"], sets[0].Items.Select(item => item.Reference.Answers[0])); // depths take turns
        Assert.Equal([0.15, 0.95], sets[0].Items.Select(item => item.Reference.Depth!.Value));
        Assert.Null(sets[1].Items[0].Reference.Depth);
        Assert.Contains("no question fits into 48", Assert.Throws<InvalidInputException>(() => RetrievalFile.Read(demo.Model, file, [48], 2)).Message, StringComparison.Ordinal);
    }
}
