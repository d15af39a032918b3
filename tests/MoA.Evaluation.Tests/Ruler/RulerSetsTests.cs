using System.Text.RegularExpressions;
using MoA.Engine;
using MoA.Evaluation.Ruler;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Tests.Ruler;

/// <summary>The items against RULER's description: what stands where, how often, how long, and what is asked.</summary>
public sealed partial class RulerSetsTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private const string Noise = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

    [Fact]
    public void Tasks_and_allowances_are_the_published_ones()
    {
        IReadOnlyList<RulerTask> tasks = RulerData.Shared.Tasks;
        Assert.Equal(
            ["niah_single_1", "niah_single_2", "niah_single_3", "niah_multikey_1", "niah_multikey_2", "niah_multikey_3", "niah_multivalue", "niah_multiquery",
                "vt", "cwe", "fwe", "qa_1", "qa_2"],
            tasks.Select(task => task.Name));
        Assert.Equal(
            [("needle", 128), ("needles", 128), ("chain", 30), ("common", 120), ("coded", 50), ("documents", 32)],
            [.. new[] { "needle", "needles", "chain", "common", "coded", "documents" }.Select(kind => (kind, RulerData.Shared.Prompts[kind].MaxNewTokens))]);
        Assert.Equal(["match-any"], RulerData.Shared.Prompts.Values.Where(prompt => prompt.MaxNewTokens == 32).Select(prompt => prompt.Metric));
        Assert.Contains("expected niah_single_1, ", Assert.Throws<InvalidInputException>(() => RulerSets.Select(["niah"])).Message, StringComparison.Ordinal);
        string[] without = [.. new RulerSets(demo.Model, new RulerOptions { Squad = demo.NewPath(), Hotpot = demo.NewPath() }).Available().Select(task => task.Name)];
        Assert.Equal(13, without.Length); // named files that are missing are an error, not left out
    }

    /// <summary>One more line, word or document would be too long: no unit is longer than what is left.</summary>
    [Theory]
    [InlineData("niah_single_1", 512)]
    [InlineData("niah_single_1", 2048)]
    [InlineData("niah_single_2", 1024)]
    [InlineData("niah_multikey_2", 1024)]
    [InlineData("niah_multikey_3", 512)]
    [InlineData("niah_multiquery", 1024)]
    [InlineData("vt", 512)]
    [InlineData("vt", 2048)]
    [InlineData("cwe", 512)]
    [InlineData("cwe", 1024)]
    [InlineData("cwe", 8192)]
    [InlineData("fwe", 512)]
    [InlineData("fwe", 2048)]
    public void Items_are_within_a_unit_of_the_length(string name, int length)
    {
        EvaluationSet set = Create(name, length, 3);
        Assert.Equal(("ruler", name, length), (set.Task, set.Dataset, set.Length));
        foreach (EvaluationItem item in set.Items)
        {
            string text = Text(item);
            int unit = name switch
            {
                "niah_single_1" or "vt" => Tokens("\n" + Noise),
                "niah_multikey_2" or "niah_multikey_3" => text.Split('\n').Where(line => line.StartsWith("One of", StringComparison.Ordinal)).Max(line => Tokens("\n" + line)),
                "cwe" => (length == 8192 ? 3 : 1) * Words(text).Max(word => Tokens($" 1000. {word}")),
                "fwe" => 4 * Coded(text).Max(word => Tokens($" {word}")), // counts of several words may rise with one word more
                _ => 16, // a word of prose
            };
            Assert.InRange(item.Length, length - unit - 2, length); // pieces may join to other tokens
            Assert.InRange(item.QuestionStart, 1, item.Prompt.Length - 1);
        }
    }

    [Theory]
    [InlineData("niah_single_1", @"^\d{7}$", @"^[a-z]+-[a-z]+$", "number")]
    [InlineData("niah_multikey_2", @"^\d{7}$", @"^[a-z]+-[a-z]+$", "number")]
    [InlineData("niah_multikey_3", "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", "uuid")]
    public void Single_needles_stand_among_lines(string name, string value, string key, string type)
    {
        EvaluationSet set = Create(name, 1024, 6);
        List<double> depths = [];
        foreach (EvaluationItem item in set.Items)
        {
            string[] lines = Text(item).Split('\n');
            int first = Array.FindIndex(lines, line => line.EndsWith(
                $"A special magic {type} is hidden within the following text. Make sure to memorize it. I will quiz you about the {type} afterwards.", StringComparison.Ordinal));
            int last = Array.FindIndex(lines, line => line.Contains("What is the special magic", StringComparison.Ordinal));
            string answer = Assert.Single(item.Reference.Answers);
            Assert.Matches(value, answer);
            string asked = Between(lines[last], $"What is the special magic {type} for ", " mentioned in the provided text?");
            Assert.Matches(key, asked);
            Assert.EndsWith($" The special magic {type} for {asked} mentioned in the provided text is", Text(item), StringComparison.Ordinal);
            string[] context = lines[(first + 1)..last];
            int at = Array.IndexOf(context, $"One of the special magic {type}s for {asked} is: {answer}.");
            Assert.Single(context, line => line.Contains(asked, StringComparison.Ordinal));
            Assert.InRange(at, 0, context.Length - 2); // inserted before one of the lines, as published
            Assert.Equal((double)at / (context.Length - 1), item.Reference.Depth);
            Assert.All(context.Where((_, i) => i != at), line => Assert.Matches(
                name == "niah_single_1" ? $"^{Regex.Escape(Noise)}$" : $"^One of the special magic {type}s for {key[1..^1]} is: {value[1..^1]}\\.$", line));
            depths.Add(item.Reference.Depth!.Value);
        }

        Assert.True(depths.Distinct().Count() > 2);
    }

    [Theory]
    [InlineData("niah_single_3", 1, 1, 1, "is")]
    [InlineData("niah_multikey_1", 4, 1, 1, "is")]
    [InlineData("niah_multivalue", 1, 4, 1, "are")]
    [InlineData("niah_multiquery", 4, 1, 4, "are")]
    public void Needles_in_prose_stand_between_sentences_at_forty_depths(string name, int keys, int values, int queries, string verb)
    {
        HashSet<int> grid = [.. Enumerable.Range(0, 40).Select(step => (int)Math.Round(step * 100 / 39.0))];
        foreach (EvaluationItem item in Create(name, 1536, 4).Items)
        {
            string text = Text(item);
            MatchCollection needles = Regex.Matches(text, @"One of the special magic (?:numbers|uuids) for (\S+) is: (\S+)\.");
            Assert.Equal(keys * values, needles.Count);
            Assert.Equal(keys, needles.Select(needle => needle.Groups[1].Value).Distinct().Count());
            Assert.Equal(queries * values, item.Reference.Answers.Count);
            Assert.Empty(item.Reference.Answers.Except(needles.Select(needle => needle.Groups[2].Value)));
            string asked = Regex.Match(text, @"for (.+) mentioned in the provided text\?").Groups[1].Value;
            Assert.Equal(queries == 1 ? 1 : 4, asked.Split(", ").Length);
            Assert.Equal(queries > 1, asked.Contains(", and ", StringComparison.Ordinal));
            Assert.EndsWith($"for {asked} mentioned in the provided text {verb}", text, StringComparison.Ordinal);

            string context = text[(text.IndexOf("afterwards.\n", StringComparison.Ordinal) + 12)..text.LastIndexOf("\nWhat ", StringComparison.Ordinal)];
            string[] pieces = Regex.Split(context, @" ?One of the special magic (?:numbers|uuids) for \S+ is: \S+\. ?");
            string[] words = [.. pieces.SelectMany(piece => piece.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
            Assert.Equal(Essays.StandIn.Words.Take(words.Length), words);
            int sentences = Essays.StandIn.Sentences(words.Length).Count, before = 0;
            foreach (string piece in pieces[..^1])
            {
                before += piece.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
                int at = before == 0 ? 0 : Essays.StandIn.Sentences(before).Count;
                Assert.Contains(grid, depth => sentences * depth / 100 == at);
            }
        }
    }

    [Theory]
    [InlineData(512, false)]
    [InlineData(2048, true)]
    public void Chains_are_whole_and_an_example_comes_first_where_there_is_room(int length, bool hasExample)
    {
        foreach (EvaluationItem item in Create("vt", length, 4).Items)
        {
            MatchCollection tasks = Regex.Matches(
                Text(item), @"Memorize and track the chain\(s\).*?the value (\d{5}), they are: ( [A-Z ]+\n|)", RegexOptions.Singleline);
            Assert.Equal(hasExample ? 2 : 1, tasks.Count);
            foreach ((Match task, int i) in tasks.Select((task, i) => (task, i)))
            {
                string[] lines = [.. task.Value.Split('\n').Where(line => line.StartsWith("VAR", StringComparison.Ordinal))];
                string[] names = [.. lines.Select(line => line.Split(' ')[1])];
                Assert.Equal(5, names.Distinct().Count());
                Assert.Equal($"VAR {names[0]} = {task.Groups[1].Value}", lines[0]);
                Assert.Equal(names.Zip(names[1..], (one, next) => $"VAR {next} = VAR {one} "), lines[1..]);
                Assert.Contains($"5 variables are assigned the value {task.Groups[1].Value}, they are: ", task.Value, StringComparison.Ordinal);
                bool example = hasExample && i == 0;
                Assert.All(names, name => Assert.Equal(example ? 3 : 5, name.Length));
                Assert.Equal(example ? $" {string.Join(' ', names)}\n" : "", task.Groups[2].Value);
                if (!example)
                    Assert.Equal(item.Reference.Answers, names);
                string[] context = task.Value.Split("\n\n", 2)[1].Split("\nQuestion:")[0].Split('\n');
                Assert.All(context.Except(lines), line => Assert.Equal(Noise, line));
            }
        }
    }

    [Theory]
    [InlineData(512, 3, 1, 0, 0, 0)]
    [InlineData(2048, 6, 1, 20, 3, 1)]
    [InlineData(8192, 30, 3, 40, 10, 3)]
    public void Ten_words_stand_more_often_than_the_others(int length, int common, int others, int exampleWords, int exampleCommon, int exampleOthers)
    {
        foreach (EvaluationItem item in Create("cwe", length, 2).Items)
        {
            string[] tasks = Text(item).Split("Below is a numbered list of words. ")[1..];
            Assert.Equal(exampleWords > 0 ? 2 : 1, tasks.Length);
            foreach (string task in tasks)
            {
                bool example = exampleWords > 0 && task == tasks[0];
                string list = task.Split('\n')[1];
                string[] words = [.. Words(list)];
                Assert.Equal(Enumerable.Range(1, words.Length).Select(i => $"{i}."), list.Split(' ').Where((_, i) => i % 2 == 0));
                Dictionary<string, int> counts = words.CountBy(word => word).ToDictionary();
                string[] frequent = [.. counts.Where(pair => pair.Value == (example ? exampleCommon : common)).Select(pair => pair.Key)];
                Assert.Equal(10, frequent.Length);
                Assert.All(counts.Where(pair => !frequent.Contains(pair.Key)), pair => Assert.Equal(example ? exampleOthers : others, pair.Value));
                if (example)
                {
                    Assert.Equal(exampleWords, counts.Count);
                    string answer = Between(task, "most often in the list are: ", "\n");
                    Assert.Equal(frequent.Order(), Words(answer).Order());
                }
                else
                {
                    Assert.Equal(frequent.Order(), item.Reference.Answers.Order());
                }
            }
        }
    }

    [Theory]
    [InlineData(512)]
    [InlineData(2048)]
    public void Coded_words_fall_as_a_zeta_distribution(int length)
    {
        foreach (EvaluationItem item in Create("fwe", length, 3).Items)
        {
            int[] counts = [.. Coded(Text(item)).CountBy(word => word).Select(pair => pair.Value).OrderDescending()];
            Dictionary<string, int> byWord = Coded(Text(item)).CountBy(word => word).ToDictionary();
            Assert.Equal(counts[0], byWord["..."]);
            Assert.Equal(counts[1..4], item.Reference.Answers.Select(word => byWord[word]));
            Assert.All(byWord.Keys.Where(word => word != "..."), word => Assert.Matches("^[a-z]{6}$", word));
            Assert.True(counts.Length == 4 || counts[3] > counts[4]);
            // Some number of words gives all counts; the last of a vocabulary of a 50th of the length may be missing.
            Assert.Contains(Enumerable.Range(1, 4 * length), n => Enumerable.Range(1, (length - 50) / 50).Select(k => (int)(n / (k * k * Math.PI * Math.PI / 6)))
                .Where(count => count > 0).Take(counts.Length).SequenceEqual(counts));
        }
    }

    [Fact]
    public void Questions_stand_behind_their_documents_among_others()
    {
        string folder = demo.NewPath();
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "dev-v2.0.json"), """
            {"version":"v2.0","data":[{"title":"T","paragraphs":[
             {"context":"Tea comes from China.","qas":[{"question":"Where does tea come from?","id":"1","is_impossible":false,"answers":[{"text":"China","answer_start":15},{"text":"from China","answer_start":10}]},
              {"question":"Why?","id":"2","is_impossible":true,"answers":[]}]},
             {"context":"Tea is drunk hot.","qas":[]}]},
             {"title":"U","paragraphs":[{"context":"The moon is far away from here.","qas":[]}]}]}
            """);
        File.WriteAllText(Path.Combine(folder, "hotpot_dev_distractor_v1.json"), """
            [{"_id":"a","question":"Who wrote it?","answer":"Ann","context":[["Book",["A book."," By Ann."]],["Ann",["Ann writes."]]],"supporting_facts":[],"type":"bridge","level":"hard"}]
            """);
        RulerSets sets = new(demo.Model, new RulerOptions { Squad = folder, Hotpot = Path.Combine(folder, "hotpot_dev_distractor_v1.json"), Items = 5 });
        EvaluationItem squad = Assert.Single(sets.Create(RulerSets.Select(["qa_1"])[0], 400, 0).Items), hotpot = Assert.Single(sets.Create(RulerSets.Select(["qa_2"])[0], 400, 0).Items);
        Assert.Equal(["China", "from China"], squad.Reference.Answers);
        Assert.Equal(["Ann"], hotpot.Reference.Answers);
        Assert.Contains("\n\nQuestion: Where does tea come from?", Text(squad), StringComparison.Ordinal);
        Assert.Contains("Document 1:\n", Text(squad), StringComparison.Ordinal);
        Assert.Contains("\n\nDocument 2:\n", Text(squad), StringComparison.Ordinal);
        Assert.Contains("Tea is drunk hot.", Text(squad), StringComparison.Ordinal);
        Assert.Contains("The moon", Text(squad), StringComparison.Ordinal);
        Assert.Contains(":\nBook\nA book. By Ann.\n", Text(hotpot), StringComparison.Ordinal);
        Assert.EndsWith(" Answer:", Text(hotpot), StringComparison.Ordinal);
        Assert.InRange(squad.Length, 400 - 40, 400);

        File.WriteAllText(Path.Combine(folder, "dev-v2.0.json"), "{\"data\":3}");
        Assert.Contains("is not SQuAD", Assert.Throws<InvalidInputException>(() => new RulerSets(demo.Model, new RulerOptions { Squad = folder })
            .Create(RulerSets.Select(["qa_1"])[0], 400, 0)).Message, StringComparison.Ordinal);
        Assert.Contains("--hotpot", Assert.Throws<InvalidInputException>(() => new RulerSets(demo.Model, new RulerOptions { Hotpot = demo.NewPath() })
            .Create(RulerSets.Select(["qa_2"])[0], 400, 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_seed_gives_the_same_items()
    {
        foreach (string name in new[] { "niah_single_1", "niah_multikey_3", "niah_multiquery", "vt", "cwe", "fwe" })
        {
            EvaluationSet one = Create(name, 1024, 3), same = Create(name, 1024, 3), other = Create(name, 1024, 3, seed: 1);
            Assert.Equal(one.Items.Select(item => string.Join(',', item.Prompt)), same.Items.Select(item => string.Join(',', item.Prompt)));
            Assert.Equal(6, one.Items.Concat(other.Items).Select(item => string.Join(',', item.Prompt)).Distinct().Count());
        }

        Assert.Contains("too short for cwe", Assert.Throws<InvalidInputException>(() => Create("cwe", 256, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Essays_come_from_files()
    {
        string folder = demo.NewPath();
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "b.txt"), "Three  four.\n\"Five?\" six");
        File.WriteAllText(Path.Combine(folder, "a.txt"), "One two.");
        File.WriteAllText(Path.Combine(folder, "x.json"), "{\"text\":\"Uno. Due.\"}");
        Essays essays = Essays.Read(folder);
        Assert.Equal(["One", "two.", "Three", "four.", "\"Five?\"", "six"], essays.Words);
        Assert.Equal(["One two.", "Three four.", "\"Five?\"", "six One two.", "Three"], essays.Sentences(9));
        Assert.Equal(["Uno.", "Due."], Essays.Read(Path.Combine(folder, "x.json")).Words);
        File.WriteAllText(Path.Combine(folder, "x.json"), "[]");
        Assert.Contains("--essays", Assert.Throws<InvalidInputException>(() => Essays.Read(Path.Combine(folder, "x.json"))).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidInputException>(() => Essays.Read(demo.NewPath()));
        RulerTask task = RulerSets.Select(["niah_single_2"])[0];
        Assert.True(RulerSets.HasStandIn(Create(task.Name, 512, 1).Source));
        Assert.False(RulerSets.HasStandIn(new RulerSets(demo.Model, new RulerOptions { Items = 1, Essays = essays }).Create(task, 512, 0).Source));
        Assert.False(RulerSets.HasStandIn(Create("vt", 512, 1).Source));
    }

    private EvaluationSet Create(string name, int length, int items, ulong seed = 0) =>
        new RulerSets(demo.Model, new RulerOptions { Items = items }).Create(RulerSets.Select([name])[0], length, seed);

    private int Tokens(string text) => demo.Model.RequireTokenizer().Encode(text, false, false).Length;

    private string Text(EvaluationItem item) => demo.Model.RequireTokenizer().Decode(item.Prompt, skipSpecialTokens: true);

    private static IEnumerable<string> Words(string text) => NumberedWord().Matches(text).Select(match => match.Groups[1].Value);

    private static string[] Coded(string text) => Between(text, "coded words. ", "\nQuestion:").Split(' ');

    private static string Between(string text, string start, string end)
    {
        int from = text.IndexOf(start, StringComparison.Ordinal) + start.Length;
        return text[from..text.IndexOf(end, from, StringComparison.Ordinal)];
    }

    [GeneratedRegex(@"(?<![\w-])\d+\. ([a-z-]+)", RegexOptions.CultureInvariant)]
    private static partial Regex NumberedWord();
}
