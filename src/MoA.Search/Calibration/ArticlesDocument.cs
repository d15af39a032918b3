using System.Globalization;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// Short news articles about invented events, then the request to summarise them all: an answer that needs every part of
/// the document, as summaries of MultiNews do (Fabbri et al., 2019). The reference answer gives one line to each article.
/// </summary>
internal sealed class ArticlesDocument : DocumentGenerator
{
    private const string Header = "Read these articles.";
    private const string Request = "Summarise the articles.";
    private const int MostRemarks = 7;

    /// <summary>Fewer, so that a short length has room for one article.</summary>
    private const int MostRemarksOfFirst = 2;

    /// <summary>More than any context window holds; reached only by a counter that counts nothing.</summary>
    private const int MostArticles = 1 << 20;

    /// <summary>Creates the generator.</summary>
    public ArticlesDocument(TokenCounter counter) : base(counter)
    {
    }

    /// <inheritdoc/>
    public override DocumentKind Kind => DocumentKind.Articles;

    /// <summary>Writes one document; as its question needs all articles, <paramref name="depth"/> changes nothing.</summary>
    /// <inheritdoc/>
    public override GeneratedItem Create(int targetTokens, double depth, CalibrationSplit split, ulong seed)
    {
        SeededRandom random = new(seed), remarkRandom = new(SeededRandom.Derive(seed, 1));
        NewsEvent first;
        do
            first = NewsEvent.Draw(random, MostRemarksOfFirst);
        while (!split.Owns(first.Summary));

        List<NewsEvent> events = [first];
        int articles = Fill(targetTokens, 1, MostArticles, count =>
        {
            while (events.Count < count)
                events.Add(NewsEvent.Draw(random, MostRemarks));

            return Item(Conversation(events.Take(count), null), 0, null);
        }).Pieces;

        // What is left is less than an article: further remarks, dealt out to the articles one after the other.
        List<string> further = [];
        return Fill(targetTokens, 0, MostArticles, count =>
        {
            while (further.Count < count)
                further.Add(NewsEvent.DrawRemark(remarkRandom));

            ILookup<int, string> dealt = Enumerable.Range(0, count).ToLookup(i => i % articles, i => further[i]);
            return Item(Conversation(events.Take(articles), dealt), 0, null);
        }).Item;
    }

    private static ChatMessage[] Conversation(IEnumerable<NewsEvent> events, ILookup<int, string>? furtherRemarks)
    {
        IEnumerable<string> articles = events.Select((news, i) =>
            string.Create(CultureInfo.InvariantCulture, $"Article {i + 1}. {news.Article(furtherRemarks?[i] ?? [])}"));
        IEnumerable<string> summary = events.Select((news, i) =>
            string.Create(CultureInfo.InvariantCulture, $"{i + 1}. {news.Summary}"));
        return
        [
            new(ChatRole.User, string.Join("\n\n", [Header, .. articles, Request])),
            new(ChatRole.Assistant, string.Join('\n', summary)),
        ];
    }
}
