using System.Text.Json;
using System.Text.RegularExpressions;
using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Search.Calibration;
using MoA.Tests;

namespace MoA.Search.Tests.Calibration;

public partial class DocumentTests
{
    public static IEnumerable<object?[]> Cases()
    {
        TheoryData<DocumentKind, string, int> cases = [];
        foreach (DocumentKind kind in Enum.GetValues<DocumentKind>())
        {
            foreach (int length in new[] { 256, 700, 2048, 8192 })
            {
                cases.Add(kind, "quarter characters", length);
                cases.Add(kind, "words", length);
            }

            cases.Add(kind, "characters", 3000);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    internal void Fills_the_length_up_to_one_piece(DocumentKind kind, string counterName, int target)
    {
        TokenCounter counter = Counters.Of(counterName);
        // The longest line or sentence has under 80 characters and under 13 words.
        int onePiece = counter.Count(new string('x', 80)) is var tokens && tokens > 1 ? tokens : 13;
        for (ulong seed = 0; seed < 8; seed++)
        {
            GeneratedItem item = CalibrationMix.GeneratorOf(kind, counter).Create(target, 0.5, CalibrationSplit.Calibration, seed);
            IReadOnlyList<ChatMessage> messages = item.Conversation.Messages;
            int whole = 8 + messages.Sum(message => 8 + counter.Count(message.Content));
            Assert.Equal(whole, item.Tokens);
            Assert.InRange(item.Tokens, target - onePiece, target);
            Assert.Equal(messages[^1], new ChatMessage(ChatRole.Assistant, item.ExpectedAnswer));
            Assert.Equal(kind, item.Kind);
        }
    }

    [Theory]
    [InlineData(DocumentKind.Record)]
    [InlineData(DocumentKind.Needle)]
    [InlineData(DocumentKind.Articles)]
    internal void Depends_on_the_seed_alone(DocumentKind kind)
    {
        DocumentGenerator generator = CalibrationMix.GeneratorOf(kind, Counters.Of("words"));
        GeneratedItem Create(ulong seed) => generator.Create(600, 0.25, CalibrationSplit.Validation, seed);
        Assert.Equal(Create(7), Create(7));
        Assert.NotEqual(Create(7).Conversation, Create(8).Conversation);
    }

    [Fact]
    public void Reserves_the_allowance_for_the_answer()
    {
        TokenCounter counter = new(Counters.Words) { AnswerAllowance = 100, TokensPerConversation = 50, TokensPerMessage = 3 };
        GeneratedItem item = new RecordDocument(counter).Create(500, 0.5, CalibrationSplit.Calibration, 1);
        Assert.Equal(50 + 3 + Counters.Words(item.Conversation.Messages[0].Content) + 3 + 100, item.Tokens);
        Assert.InRange(item.Tokens, 495, 500);
    }

    [Fact]
    public void Refuses_lengths_that_hold_no_document()
    {
        foreach (DocumentKind kind in Enum.GetValues<DocumentKind>())
        {
            DocumentGenerator generator = CalibrationMix.GeneratorOf(kind, Counters.Of("words"));
            InvalidInputException failure = Assert.Throws<InvalidInputException>(
                () => generator.Create(30, 0.5, CalibrationSplit.Calibration, 1));
            Assert.Contains("length 30 is too short", failure.Message, StringComparison.Ordinal);
        }

        InvalidInputException tooLong = Assert.Throws<InvalidInputException>(
            () => new RecordDocument(Counters.Of("words")).Create(200_000, 0.5, CalibrationSplit.Calibration, 1));
        Assert.Contains("length 200000 is too long", tooLong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_has_distinct_lines_and_asks_for_one_at_its_depth()
    {
        for (int i = 0; i <= 20; i++)
        {
            double depth = i / 20.0;
            GeneratedItem item = new RecordDocument(Counters.Of("words")).Create(2000, depth, CalibrationSplit.Calibration, (ulong)i);
            string[] lines = item.Conversation.Messages[0].Content.Split('\n');
            Assert.Equal("Below is a record of lines. Remember the REGISTER_CONTENT of each line.", lines[0]);
            Match[] record = [.. lines[1..^1].Select(line => RecordLine().Match(line))];
            Assert.All(record, match => Assert.True(match.Success));
            Assert.All(record, match => Assert.InRange(Value(match), 10_000, 50_000));
            Assert.Equal(record.Length, record.Select(match => match.Groups["key"].Value).Distinct().Count());

            string key = Regex.Match(lines[^1], "^What is the <REGISTER_CONTENT> in line ([a-z]+-[a-z]+)\\?$").Groups[1].Value;
            int asked = Array.FindIndex(record, match => match.Groups["key"].Value == key);
            Assert.Equal((int)Math.Min(depth * record.Length, record.Length - 1), asked);
            Assert.Equal(Value(record[asked]), item.ExpectedValue);
            Assert.Equal($"The <REGISTER_CONTENT> in line {key} is <{item.ExpectedValue}>.", item.ExpectedAnswer);
        }
    }

    [Fact]
    public void A_record_can_have_several_questions_and_other_numbers()
    {
        RecordDocument generator = new(Counters.Of("words")) { Questions = 3, LowestValue = 1, HighestValue = 9 };
        GeneratedItem item = generator.Create(800, 0.9, CalibrationSplit.Calibration, 5);
        IReadOnlyList<ChatMessage> messages = item.Conversation.Messages;
        Assert.Equal(["user", "assistant", "user", "assistant", "user", "assistant"], messages.Select(message => message.Role.Name));
        string record = messages[0].Content;
        for (int q = 0; q < 6; q += 2)
        {
            string key = Regex.Match(messages[q].Content, "What is the <REGISTER_CONTENT> in line ([a-z-]+)\\?$").Groups[1].Value;
            string value = Regex.Match(record, $"\nline {key}: REGISTER_CONTENT is <([1-9])>\n").Groups[1].Value;
            Assert.Equal($"The <REGISTER_CONTENT> in line {key} is <{value}>.", messages[q + 1].Content);
        }

        Assert.Equal(3, messages.Where(message => message.Role == ChatRole.Assistant).Distinct().Count());
        Assert.InRange(item.Tokens, 795, 800);
    }

    [Fact]
    public void Numbers_and_words_are_drawn_evenly()
    {
        List<int> values = [];
        HashSet<string> adjectives = [], nouns = [];
        for (ulong seed = 0; seed < 10; seed++)
        {
            GeneratedItem item = new RecordDocument(Counters.Of("words")).Create(5000, 0.5, CalibrationSplit.Calibration, seed);
            foreach (Match match in RecordLine().Matches(item.Conversation.Messages[0].Content))
            {
                values.Add(Value(match));
                adjectives.Add(match.Groups["adjective"].Value);
                nouns.Add(match.Groups["noun"].Value);
            }
        }

        Assert.Equal(KeyWords.Adjectives, adjectives.Order(StringComparer.Ordinal));
        Assert.Equal(KeyWords.Nouns, nouns.Order(StringComparer.Ordinal));
        // Standard error of the mean of n uniform numbers over a range of 40,000: 11,547/sqrt(n).
        Assert.InRange(Math.Abs(values.Average() - 30_000), 0, 4 * 11_547 / Math.Sqrt(values.Count));
    }

    [Fact]
    public void Every_key_word_is_one_token_of_the_demo_model()
    {
        using JsonDocument tokenizer = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(RepositoryFiles.DemoModel, "tokenizer.json")));
        JsonElement vocabulary = tokenizer.RootElement.GetProperty("model").GetProperty("vocab");
        // U+0120 stands for the space in front, in byte-level vocabularies.
        Assert.All(KeyWords.Adjectives, word => Assert.True(vocabulary.TryGetProperty("\u0120" + word, out _)));
        Assert.All(KeyWords.Nouns, word => Assert.True(vocabulary.TryGetProperty(word, out _)));
        Assert.Equal(160, KeyWords.Adjectives.Distinct().Count());
        Assert.Equal(160, KeyWords.Nouns.Distinct().Count());
    }

    [Fact]
    public void A_needle_stands_on_its_own_line_at_its_depth_among_true_prose()
    {
        HashSet<int> counts = [];
        for (int i = 0; i <= 20; i++)
        {
            double depth = i / 20.0;
            GeneratedItem item = new NeedleDocument(Counters.Of("words")).Create(3000, depth, CalibrationSplit.Calibration, (ulong)i);
            string[] lines = item.Conversation.Messages[0].Content.Split('\n');
            Assert.Equal("There is a secret in this text. Remember it.", lines[0]);
            string name = Regex.Match(lines[^1], "^What is the secret (passkey|code|number)\\?$").Groups[1].Value;
            string[] needles = [.. lines.Where(line => line.StartsWith("The secret ", StringComparison.Ordinal))];
            counts.Add(needles.Length);
            string needle = Assert.Single(needles, line => line.StartsWith($"The secret {name} is ", StringComparison.Ordinal));
            Assert.Equal($"The secret {name} is {item.ExpectedValue}. Remember it.", needle);
            Assert.Equal($"The secret {name} is {item.ExpectedValue}.", item.ExpectedAnswer);
            Assert.InRange(item.ExpectedValue!.Value, 10_000, 99_999);

            string[] document = lines[1..^1];
            Assert.InRange(Array.IndexOf(document, needle) - (depth * document.Length), -3, 3);
            Assert.Empty(document.Except(needles).Except(FillerText.Lines));
        }

        Assert.Equal([1, 2, 3], counts.Order());
    }

    [Fact]
    public void Articles_state_what_the_reference_summary_says()
    {
        GeneratedItem item = new ArticlesDocument(Counters.Of("words")).Create(1500, 0, CalibrationSplit.Calibration, 3);
        string[] paragraphs = item.Conversation.Messages[0].Content.Split("\n\n");
        Assert.Equal("Read these articles.", paragraphs[0]);
        Assert.Equal("Summarise the articles.", paragraphs[^1]);
        string[] summary = item.ExpectedAnswer.Split('\n');
        Assert.Equal(paragraphs.Length - 2, summary.Length);
        for (int i = 0; i < summary.Length; i++)
        {
            string article = paragraphs[i + 1];
            Assert.StartsWith($"Article {i + 1}. ", article, StringComparison.Ordinal);
            Assert.StartsWith($"{i + 1}. ", summary[i], StringComparison.Ordinal);
            string line = summary[i][(summary[i].IndexOf(' ', StringComparison.Ordinal) + 1)..];
            string number = Regex.Match(line, "[0-9]+").Value;
            string place = Regex.Matches(line, "[A-Z][a-z]+").Select(match => match.Value).First(word => word is not ("A" or "In" or "The"));
            Assert.Contains($" {number} ", article, StringComparison.Ordinal);
            Assert.Contains($" {place} ", article, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_filler_is_about_a_hundred_kilobytes_of_shakespeare()
    {
        Assert.InRange(FillerText.Lines.Sum(line => line.Length + 1), 100_000, 120_000);
        Assert.Contains("Good morrow, neighbour Baptista.", FillerText.Lines);
        Assert.DoesNotContain(FillerText.Lines, line => line.Contains('\r', StringComparison.Ordinal));
    }

    private static int Value(Match match) => int.Parse(match.Groups["value"].Value, System.Globalization.CultureInfo.InvariantCulture);

    [GeneratedRegex("^line (?<key>(?<adjective>[a-z]+)-(?<noun>[a-z]+)): REGISTER_CONTENT is <(?<value>[0-9]+)>$", RegexOptions.Multiline)]
    private static partial Regex RecordLine();
}
