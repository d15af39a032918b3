using MoA.Evaluation.Metrics;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Tests.Metrics;

/// <summary>
/// Cases of every published metric with the score worked out by hand, most of them the definitions' own examples. Chinese texts are
/// given with a bar between the words that jieba 0.42 cuts.
/// </summary>
public sealed class WorkedCasesTests
{
    private static readonly AnswerScorer Scorer = new(new BarSegmenter());

    /// <summary>
    /// The sentences of Lin 2004, section 3.1, against "police killed the gunman": the longest common subsequences are
    /// "police the gunman", 3 of 4 words, and "the gunman", 2 of 4. Section 3.2: of w1 w2 w3 w4 w5, the candidate sentences share w1 w2 and
    /// w1 w3 w5, together 4 of 5; the candidate has 8 different words, so F = 2·(4/5)·(4/8) / (4/5 + 4/8) = 8/13.
    /// </summary>
    [Theory]
    [InlineData("police kill the gunman", "police killed the gunman", 0.75)]
    [InlineData("the gunman kill police", "police killed the gunman", 0.5)]
    [InlineData("w1 w2 w6 w7 w8. w1 w3 w8 w9 w5.", "w1 w2 w3 w4 w5.", 8 / 13.0)]
    [InlineData("", "police", 0)]
    public void Rouge_l(string prediction, string answer, double expected) =>
        Assert.Equal(expected, Score("rouge-l", prediction, answer), 1e-7); // the published formula adds 1e-8 below

    /// <summary>我们 在 学习 are common: 3 of 4 and 3 of 5 words, F = 2·(3/4)·(3/5) / (27/20) = 2/3.</summary>
    [Fact]
    public void Rouge_l_of_chinese_words() =>
        Assert.Equal(2 / 3.0, Score("rouge-l-zh", "我们|在|北京|学习", "我们|在|上海|学习|了"), 1e-7);

    /// <summary>
    /// LV-Eval's example in info/error_cases_and_metric_cases.md. The prediction has 18 words (of the punctuation, 《 and · are none to
    /// the published code), the answer 11, with 7 in common: 《 毕业 风暴 的 导演 是 ·, so that F1 = 2·7 / (18 + 11) = 14/29, the number printed
    /// there. The page lost the · in the director's name: as it is printed there, 6 are common. Of the key words none is there.
    /// </summary>
    [Fact]
    public void Lv_evals_chinese_example()
    {
        const string Pred = "根据|文章|26|中|的|内容|，|电影|《|毕业|风暴|》|的|导演|是|提莫|·|贝克曼|贝托夫|（|TimurBekmambetov|）|。";
        const string Answer = "《|毕业|风暴|》|的|导演|是|罗马尼亚|导演|*|*|克里斯汀|·|穆基|*|*|。";
        const string Printed = "《|毕业|风暴|》|的|导演|是|罗马尼亚|导演|*|*|克里斯|汀|穆基|*|*|。";
        Assert.Equal(0.4827586206896552, Score("qa-f1-zh", Pred, Answer), 15);
        Assert.Equal(12 / 29.0, Score("qa-f1-zh", Pred, Printed), 15);
        Assert.Equal(0, Score("keyword-f1-zh", Pred, Answer, "克里斯汀|·|穆基|先生")); // · is 1 of 4 words, less than 0.4
        Assert.Equal(0.4827586206896552, Score("keyword-f1-zh", Pred, Answer, "导演|·|穆基"), 15); // 2 of 3
    }

    /// <summary>
    /// The answers to factrecall printed on the same page. Without key words the answer's words are the key words in Chinese, and there
    /// are none to be found in English.
    /// </summary>
    [Fact]
    public void Lv_evals_answers_to_factrecall()
    {
        Assert.Equal(0, Score("keyword-f1-zh", "贝克汉姆|。", "贝多芬"));
        Assert.Equal(1, Score("keyword-f1-zh", "贝多芬|。", "贝多芬"));
        Assert.Equal(0, Score("keyword-f1", "David Beckham.", "Ludwig Beethoven"));
        Assert.Equal(1, Score("keyword-f1", "Ludwig Beethoven.", "Ludwig Beethoven"));
    }

    /// <summary>
    /// All key words are there, 3 of 3 and 3 of 4 words are common: F1 = 2·3 / (3 + 4). In the second case 音乐 and 的 are common, but
    /// 的 does not count: 1 of 3 key words is less than 0.4.
    /// </summary>
    [Theory]
    [InlineData("贝多芬|是|作曲家", "贝多芬|是|德国|作曲家", "贝多芬|作曲家", 6 / 7.0)]
    [InlineData("他|的|音乐", "贝多芬|的|音乐", "贝多芬|的|音乐", 0)]
    public void Key_words_of_chinese_answers(string prediction, string answer, string keywords, double expected) =>
        Assert.Equal(expected, Score("keyword-f1-zh", prediction, answer, keywords), 15);

    /// <summary>是 is common but does not count: 作曲家 is 1 of 2 words on both sides. Plain ROUGE-L has 2 of 3.</summary>
    [Fact]
    public void Rouge_l_without_words_that_do_not_count()
    {
        Assert.Equal(0.5, Score("rouge-l-zh-keywords", "他|是|作曲家", "贝多芬|是|作曲家"), 1e-7);
        Assert.Equal(2 / 3.0, Score("rouge-l-zh", "他|是|作曲家", "贝多芬|是|作曲家"), 1e-7);
    }

    /// <summary>The right number's share of all numbers in the answer.</summary>
    [Theory]
    [InlineData("paragraph", "Paragraph 3", "Paragraph 3", 1)]
    [InlineData("paragraph", "It is paragraph 3 or 7, I say 3.", "Paragraph 3", 2 / 3.0)]
    [InlineData("paragraph", "Paragraph 13", "Paragraph 3", 0)]
    [InlineData("paragraph", "段落5", "段落5", 1)]
    [InlineData("paragraph", "是段落12或者段落5", "段落5", 0.5)]
    [InlineData("count", "There are 17 different ones among 20.", "17", 0.5)]
    [InlineData("count", "seventeen", "17", 0)]
    public void Numbers(string metric, string prediction, string answer, double expected) =>
        Assert.Equal(expected, Score(metric, prediction, answer), 15);

    /// <summary>
    /// The examples of Python's difflib ("bcd" is common: 2·3 / (4 + 4)) and of fuzzywuzzy (2·14 / (14 + 15) = 0.9655, rounded to
    /// 97). Only the first line counts that is neither comment nor fence.
    /// </summary>
    [Theory]
    [InlineData("abcd", "bcde", 0.75)]
    [InlineData("this is a test", "this is a test!", 0.97)]
    [InlineData("```python\n# the sum\nreturn a + b\nreturn 0", "return a + b", 1)]
    [InlineData("// the sum", "return a + b", 0)]
    public void Lines_of_code(string prediction, string answer, double expected) =>
        Assert.Equal(expected, Score("code-similarity", prediction, answer), 15);

    private static double Score(string metric, string prediction, string answer, string? keywords = null) =>
        Scorer.Score(metric, prediction, new ItemReference { Answers = [answer], Keywords = keywords });

    private sealed class BarSegmenter : IWordSegmenter
    {
        public IEnumerable<string> Cut(string text) => text.Split('|', ' ');
    }
}
