using MoA.Engine;
using MoA.Evaluation.Data;
using MoA.Evaluation.InfiniteBench;
using MoA.Evaluation.LongBench2;
using MoA.Evaluation.Tasks;
using MoA.Evaluation.Tests.Data;

namespace MoA.Evaluation.Tests.InfiniteBench;

public sealed class InfiniteBenchTaskTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly AnswerScorer Scorer = new();

    /// <summary>What the published compute_scores.py (88b3daa) gives for these answers.</summary>
    [Theory]
    [InlineData("passkey", " 71432.\nx", 1, "71432")]
    [InlineData("passkey", "The key 007", 0, "7")]
    [InlineData("number_string", "no", 0, "12")]
    [InlineData("kv_retrieval", "\"k\": \"c14c-b8\"", 1, "c14c-b8")]
    [InlineData("kv_retrieval", "c14c-b8x", 0, "c14c-b8")]
    [InlineData("code_run", "It is -12.", 1, "-12")]
    [InlineData("code_run", "5 apples", 0, "5")]
    [InlineData("code_run", "so: `7`", 1, "7")]
    [InlineData("code_debug", "C. f", 1, "f", "C")]
    [InlineData("code_debug", "The correct option is: C", 1, "f", "C")]
    [InlineData("code_debug", "answer is: B", 0, "f", "C")]
    [InlineData("code_debug", "I think is: f here", 1, "f", "C")]
    [InlineData("code_debug", "C", 0, "f", "C")]
    [InlineData("longbook_choice_eng", "B", 1, "Tea", "B")]
    [InlineData("longbook_choice_eng", "  Tea", 1, "Tea", "B")]
    [InlineData("longbook_choice_eng", "the answer is: B.", 1, "Tea", "B")]
    [InlineData("longbook_choice_eng", "maybe A then B", 0, "Tea", "B")]
    [InlineData("longbook_choice_eng", "so B it is", 1, "Tea", "B")]
    [InlineData("longbook_choice_eng", "x answer:", 0, "Tea", "B")]
    [InlineData("longbook_choice_eng", "", 0, "Tea", "B")]
    [InlineData("longdialogue_qa_eng", "ace, I think", 1, "ACE", "ACE ROTHSTEIN")]
    [InlineData("longdialogue_qa_eng", "Rothstein", 0, "ACE", "ACE ROTHSTEIN")]
    [InlineData("math_find", "about 88.0", 1, "88.0")]
    [InlineData("math_find", "88", 1, "88")]
    [InlineData("math_find", "3.5 is", 1, "3.5")]
    [InlineData("math_find", "٣ is", 1, "3")]
    [InlineData("math_find", "\u0969.५", 1, "3.5")]
    [InlineData("math_calc", "[1, 4, 8]", 2 / 3.0, "1", "4", "9")]
    [InlineData("math_calc", "1 -3 4", 1 / 3.0, "1", "-3", "4")]
    [InlineData("math_calc", "01, 2", 1, "1", "2")]
    [InlineData("longbook_qa_chn", "张三，李四", 6 / 7.0, "张三李")]
    [InlineData("longbook_qa_eng", "The tea party", 2 / 3.0, "a party", "tea")]
    public void Scores_are_the_published_ones(string name, string prediction, double expected, params string[] answers) => Assert.Equal(
        expected, Scorer.Score(InfiniteBenchTask.Select([name])[0].Metric, prediction, new ItemReference { Answers = answers }), 1e-9);

    /// <summary>
    /// rougeLsum: of w1 w2 w3 w4 w5, the candidate sentences share w1 w2 and w1 w3 w5, together 4 of 5, and 4 of the candidate's 10 words:
    /// F = 2·0.8·0.4/1.2 = 8/15 (Lin 2004, 3.2, with counts). A word counts as often as both have it: "a a" against "a", 1 of 1 and 1 of 2.
    /// </summary>
    [Theory]
    [InlineData("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "W1, w2 w3 w4 w5.", 8 / 15.0)]
    [InlineData("a a", "a", 2 / 3.0)]
    [InlineData("a\na", "a", 2 / 3.0)]
    [InlineData("", "a", 0)]
    [InlineData("b", "a", 0)]
    public void Rouge_l_of_summaries(string prediction, string answer, double expected) =>
        Assert.Equal(expected, Scorer.Score("rouge-l-sum", prediction, new ItemReference { Answers = [answer] }), 1e-9);

    /// <summary>README and DATA_NAME_TO_MAX_NEW_TOKENS.</summary>
    [Fact]
    public void Settings_are_the_published_ones() => Assert.Equal(
        [("passkey", 6), ("number_string", 12), ("kv_retrieval", 50), ("longbook_sum_eng", 1200), ("longbook_choice_eng", 40), ("longbook_qa_eng", 40),
            ("longbook_qa_chn", 40), ("longdialogue_qa_eng", 40), ("math_find", 3), ("math_calc", 30000), ("code_run", 5), ("code_debug", 5)],
        InfiniteBenchTask.Select([]).Select(set => (set.Name, set.MaxNewTokens)));

    [Fact]
    public void Published_lines_become_prompts()
    {
        string data = demo.NewPath();
        SampleFiles.Write(data, "code_run.jsonl", """{"id":0,"context":"def func_1(x): return x","input":"Please give me the return value of func_1(-5).","answer":[-5],"options":[]}""");
        SampleFiles.Write(data, "code_debug.jsonl", """{"id":0,"context":"def g(): 1/0","input":"?","answer":["g"],"options":["f","g","h","i"]}""");
        SampleFiles.Write(data, "math_find.jsonl", """{"id":0,"context":"[1, 2]","input":"You should answer with only one number. The largest number of the list is:","answer":[2],"options":""}""");
        SampleFiles.Write(data, "passkey.jsonl", $$"""{"id":0,"context":"{{string.Concat(Enumerable.Repeat("The grass is green. ", 400))}}","input":"What is the pass key?","answer":["71432"]}""");
        InfiniteBenchTask task = new(demo.Model, new DataSetFiles(data, "x/y"), 300);
        Assert.Contains("There is a function called func_1 in the following Python code.\n\ndef func_1(x): return x\n\nPlease compute the exact value of func_1(-5).", Text("code_run", out EvaluationItem run), StringComparison.Ordinal);
        Assert.EndsWith(" The value of func_1(-5) is", Text("code_run", out _), StringComparison.Ordinal);
        Assert.Equal(["-5"], run.Reference.Answers);
        Assert.Contains("Options:\nA. f\nB. g\nC. h\nD. i", Text("code_debug", out EvaluationItem debug), StringComparison.Ordinal);
        Assert.Equal(["g", "B"], debug.Reference.Answers);
        Assert.Contains("What is the largest number in the following list?", Text("math_find", out _), StringComparison.Ordinal);
        string text = Text("passkey", out EvaluationItem key);
        Assert.InRange(key.Prompt.Length, 290, 330);
        Assert.Contains("What is the pass key?", text, StringComparison.Ordinal);
        Assert.StartsWith("What is the pass key?", demo.Model.RequireTokenizer().Decode(key.Prompt.AsSpan(key.QuestionStart), true).TrimStart('\n'), StringComparison.Ordinal);

        // Data sets stand side by side at one length, however long their answers may be.
        InfiniteBenchTask whole = new(demo.Model, new DataSetFiles(data, "x/y"), null);
        Assert.All(InfiniteBenchTask.Select(["passkey", "code_run"]), set => Assert.Equal(demo.Model.Config.MaxPositions, whole.Read(set).Length));

        string file = SampleFiles.Write(data, "code_debug.jsonl", """{"context":"x","input":"?","answer":["z"],"options":["f","g","h","i"]}""");
        Assert.StartsWith($"{file}:1: \"answer\" is ", Assert.Throws<InvalidInputException>(() => Text("code_debug", out _)).Message, StringComparison.Ordinal);
        file = SampleFiles.Write(data, "math_find.jsonl", """{"context":"[1]","input":"The largest number of the list is:","answer":"one"}""");
        Assert.StartsWith($"{file}:1: \"answer\" is ", Assert.Throws<InvalidInputException>(() => Text("math_find", out _)).Message, StringComparison.Ordinal);

        string Text(string name, out EvaluationItem item)
        {
            item = Assert.Single(task.Read(InfiniteBenchTask.Select([name])[0]).Items);
            return demo.Model.RequireTokenizer().Decode(item.Prompt, skipSpecialTokens: true);
        }
    }

    [Theory]
    [InlineData("The correct answer is (B).", 1)]
    [InlineData("**The correct answer is (B)**", 1)]
    [InlineData("The correct answer is B", 1)]
    [InlineData("The correct answer is A, no: The correct answer is (B)", 1)]
    [InlineData("the correct answer is (B)", 0)]
    [InlineData("The correct answer is (E)", 0)]
    [InlineData("B", 0)]
    public void Letters_are_read_as_in_longbench_v2(string prediction, double expected) =>
        Assert.Equal(expected, Scorer.Score("stated-letter", prediction, new ItemReference { Answers = ["B"] }));

    [Fact]
    public void Longbench_v2_is_an_array_and_scored_by_difficulty_and_length()
    {
        string Item(string id, string difficulty, string length) => $$"""{"_id":"{{id}}","domain":"d","sub_domain":"s","difficulty":"{{difficulty}}","length":"{{length}}","question":" Why? ","choice_A":"a","choice_B":"b","choice_C":"c","choice_D":"d","answer":"C","context":" Some text. "}""";
        string folder = demo.NewPath();
        string file = SampleFiles.Write(folder, "data.json", $"[{Item("x", "easy", "short")},", $"{Item("y", "hard", "short")}]");
        LongBench2Task task = new(demo.Model, new DataSetFiles(folder, LongBench2Task.Repository), 1000);
        EvaluationSet set = task.Read();
        Assert.Equal(["x", "y"], set.Items.Select(item => item.Id));
        Assert.Contains(
            "Please read the following text and answer the question below.\n\n<text>\nSome text.\n</text>\n\nWhat is the correct answer to this question: Why?\nChoices:\n(A) a\n(B) b\n(C) c\n(D) d\n\n"
            + "Format your response as follows: \"The correct answer is (insert answer here)\".",
            demo.Model.RequireTokenizer().Decode(set.Items[0].Prompt, skipSpecialTokens: true), StringComparison.Ordinal);
        EvaluationMetrics metrics = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = demo.NewPath() }).Run(set with
        {
            Items = [.. set.Items.Select(item => item with { MaxNewTokens = 2 })],
        }, PolicyChoice.Dense);
        Assert.Equal([("easy", 1), ("hard", 1), ("short", 2)], metrics.ByGroup!.Select(pair => (pair.Key, pair.Value.Items)));

        foreach ((string content, string expected) in new[]
        {
            ("[" + Item("x", "simple", "short") + "]", "item 1: \"difficulty\" is text; expected easy or hard"), ("[1]", "item 1 is the number 1; expected an object"),
            ("[]", "the array is empty"), ("{\"a\":1}", "not a valid JSON array"), ("[" + Item("x", "easy", "long"), "behind item"),
        })
        {
            File.WriteAllText(file, content);
            Assert.Contains(expected, Assert.Throws<InvalidInputException>(() => task.Read()).Message, StringComparison.Ordinal);
        }
    }
}
