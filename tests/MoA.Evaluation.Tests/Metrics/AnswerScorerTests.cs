using MoA.Engine;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Tests.Metrics;

/// <summary>Cases worked by hand, and LV-Eval's own examples.</summary>
public sealed class AnswerScorerTests
{
    private static readonly AnswerScorer Scorer = new();

    /// <summary>The examples of LV-Eval's info/error_cases_and_metric_cases.md.</summary>
    [Fact]
    public void Lv_evals_examples()
    {
        const string Pred = "There is no mention of Martin or independent publishing of digital books in the passage. The passage appears "
            + "to be about a research paper on contour completion using deep structure priors.";
        const string Answer = "Martin began independent publishing her books as digital books in **2020**.";
        Assert.Equal(0.30769230769230765, Score("qa-f1", Pred, Answer), 15);
        Assert.Equal(0, Score("keyword-f1", Pred, Answer, "2020"));
        Assert.Equal(0.4, Score("keyword-f1", "For services to Medicine and to the community in the Cayman Islands.",
            "For his services to **music**.", "services to music"), 15);
        Assert.Equal(0.6666666666666666, Score("qa-f1", "Low mechanical flexibility.", "**Increased** mechanical flexibility."), 15);
    }

    [Fact]
    public void F1_is_the_harmonic_mean_over_words_without_articles()
    {
        // "cat sat mat" and "cat mat": 2 shared of 3 and of 2.
        Assert.Equal(2 * (2.0 / 3) * 1 / (2.0 / 3 + 1), Score("qa-f1", "The cat sat, a mat!", "cat mat"), 15);
        Assert.Equal(1, Score("qa-f1", "An apple.", "the APPLE"));
        Assert.Equal(0, Score("qa-f1", "", "apple"));
    }

    [Fact]
    public void The_best_answer_counts_except_in_lv_eval()
    {
        ItemReference reference = new() { Answers = ["red", "blue"] };
        Assert.Equal(1, Scorer.Score("qa-f1", "blue", reference));
        Assert.Equal(0, Scorer.Score("keyword-f1", "blue", reference));
    }

    [Theory]
    [InlineData("first-line:qa-f1", "\n\nred\nblue", 1)]
    [InlineData("first-line:qa-f1", "blue\nred", 0)]
    [InlineData("last-number", "It is 12, no, 0042.", 0)]
    [InlineData("last-number", "7 and red", 0)]
    public void First_lines_and_numbers(string metric, string prediction, double expected) =>
        Assert.Equal(expected, Score(metric, prediction, "red"));

    [Theory]
    [InlineData("<40893>.", "40893", 1)]
    [InlineData("40893 then 1", "40893", 0)]
    [InlineData("040893", "40893", 1)]
    [InlineData("", "1", 0)]
    public void The_last_number_counts(string prediction, string answer, double expected) =>
        Assert.Equal(expected, Score("last-number", prediction, answer));

    [Theory]
    [InlineData("It's in the Blue tin!", 1)]
    [InlineData("A tin of blue.", 0)]
    [InlineData("blueish tin", 0)]
    public void An_own_needle_is_found_as_a_run_of_words(string prediction, double expected) =>
        Assert.Equal(expected, Score("contains", prediction, "the blue tin"));

    [Fact]
    public void Names_within_the_right_class_cost_nothing()
    {
        ItemReference reference = new() { Answers = ["Food and drink"], Classes = ["Food", "Food and drink", "Sport"] };
        Assert.Equal(1, Scorer.Score("classification", "Food and drink", reference));
        Assert.Equal(0.5, Scorer.Score("classification", "Food and drink or Sport", reference));
        Assert.Equal(0, Scorer.Score("classification", "Sport", reference));
    }

    [Fact]
    public void What_is_missing_is_said()
    {
        Assert.Contains("--jieba", Assert.Throws<InvalidInputException>(() => Score("qa-f1-zh", "的", "的")).Message, StringComparison.Ordinal);
        Assert.Contains("'bleu'", Assert.Throws<InvalidInputException>(() => Score("bleu", "a", "a")).Message, StringComparison.Ordinal);
        Assert.Contains("no paragraph", Assert.Throws<InvalidInputException>(() => Score("paragraph", "1", "one")).Message, StringComparison.Ordinal);
        AnswerScorer lost = new(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString()));
        Assert.Contains("dict.txt", Assert.Throws<InvalidInputException>(
            () => lost.Score("qa-f1-zh", "的", new ItemReference { Answers = ["的"] })).Message, StringComparison.Ordinal);
    }

    private static double Score(string metric, string prediction, string answer, string? keywords = null) =>
        Scorer.Score(metric, prediction, new ItemReference { Answers = [answer], Keywords = keywords });
}
