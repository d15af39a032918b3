using System.Globalization;

namespace MoA.Search.Calibration;

/// <summary>An invented event: what an article says of it and what a summary must say.</summary>
internal sealed record NewsEvent(int Pattern, string Place, string Day, int Number, string[] Remarks)
{
    /// <summary>{0} place, {1} day, {2} number: the news, its fact, and the line of the summary.</summary>
    private static readonly (string News, string Fact, string Summary)[] Patterns =
    [
        ("A strong storm hit {0} on {1}.", "About {2} homes lost power.", "A storm hit {0} and {2} homes lost power."),
        ("A new bridge was opened in {0} on {1}.", "It cost {2} million crowns.", "A bridge costing {2} million was opened in {0}."),
        ("A fire broke out at a factory in {0} on {1}.", "Some {2} workers were led out.", "A fire in {0} forced {2} workers out."),
        ("The city of {0} held its yearly race on {1}.", "A total of {2} runners took part.", "In {0} {2} runners took part in a race."),
        ("A rare bird was seen near {0} on {1}.", "Nearly {2} people came to watch it.", "A rare bird near {0} drew {2} people."),
        ("The council of {0} voted on {1} for a new school.", "It will have room for {2} children.",
            "The council of {0} voted for a school for {2} children."),
        ("A train stopped outside {0} on {1}.", "It kept {2} travellers waiting.", "A train near {0} kept {2} travellers waiting."),
        ("The old mill in {0} was sold on {1}.", "The price was {2} thousand crowns.", "The mill in {0} was sold for {2} thousand."),
    ];

    private static readonly string[] Places =
    [
        "Ashcot", "Brinwick", "Darnby", "Fenmoor", "Graydon", "Halden", "Hexley", "Ironby", "Jarrow", "Kelso", "Lindow", "Lorne",
        "Marlow", "Merrow", "Norwell", "Oakby", "Ostrava", "Pellam", "Penrith", "Quillan", "Redhill", "Selby", "Tarn", "Torsby",
        "Ulmar", "Velmore", "Wexby", "Yarrow", "Zelby",
    ];

    private static readonly string[] Days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

    private static readonly string[] People =
    [
        "Elin Voss", "Greta Moss", "Ida Stone", "Jon Aldous", "Karl Winter", "Marta Kell", "Mina Holt", "Noor Vance", "Oscar Lund",
        "Paula Rees", "Peter Quayle", "Ruth Ender", "Sami Okoro", "Tom Harrow", "Viktor Hale",
    ];

    /// <summary>What is said of any event; {0} is a person.</summary>
    private static readonly string[] RemarkPatterns =
    [
        "{0} thanked all who had helped.", "{0} said that the town was proud of its people.",
        "{0} told reporters that more would be known in a few days.", "Some people asked whether the plan had been wise.",
        "Many people were surprised by the news.", "The weather was mild and the streets were full.",
        "Shops stayed closed for most of the day.", "No one was hurt, and the roads were open again by the evening.",
        "It was the first event of its kind in ten years.", "A report is to follow next month.",
    ];

    /// <summary>Where the fact stands: behind this many remarks.</summary>
    public int RemarksBeforeFact { get; init; }

    /// <summary>The line that a summary gives to the event.</summary>
    public string Summary => Write(Patterns[Pattern].Summary);

    /// <summary>An event with up to <paramref name="mostRemarks"/> different remarks.</summary>
    public static NewsEvent Draw(SeededRandom random, int mostRemarks)
    {
        string[] remarks = [.. RemarkPatterns];
        random.Shuffle(remarks);
        Array.Resize(ref remarks, random.Next(mostRemarks + 1));
        NewsEvent drawn = new(random.Next(Patterns.Length), random.Pick(Places), random.Pick(Days), 100 + random.Next(900),
            [.. remarks.Select(remark => Remark(remark, random))]);
        return drawn with { RemarksBeforeFact = random.Next(remarks.Length + 1) };
    }

    /// <summary>A remark of its own, to fill what is left of a length.</summary>
    public static string DrawRemark(SeededRandom random) => Remark(random.Pick(RemarkPatterns), random);

    /// <summary>The article's text, one paragraph, with further remarks at its end.</summary>
    public string Article(IEnumerable<string> furtherRemarks) => string.Join(' ',
        [Write(Patterns[Pattern].News), .. Remarks.Take(RemarksBeforeFact), Write(Patterns[Pattern].Fact),
            .. Remarks.Skip(RemarksBeforeFact), .. furtherRemarks]);

    private string Write(string pattern) => string.Format(CultureInfo.InvariantCulture, pattern, Place, Day, Number);

    private static string Remark(string pattern, SeededRandom random) => string.Format(
        CultureInfo.InvariantCulture, pattern, (random.Next(2) == 0 ? "Mayor " : "") + random.Pick(People));
}
