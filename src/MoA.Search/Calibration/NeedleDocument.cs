using System.Globalization;
using MoA.Engine;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// Passkey retrieval (Mohtashami and Jaggi, Landmark Attention, 2023) in the words the demo model was trained with: one to
/// three secrets on lines of their own in <see cref="FillerText"/>, then a question about one of them.
/// <code>
/// There is a secret in this text. Remember it.
/// …
/// The secret passkey is 40893. Remember it.
/// …
/// What is the secret passkey?
/// </code>
/// </summary>
internal sealed class NeedleDocument : DocumentGenerator
{
    private const string Header = "There is a secret in this text. Remember it.";

    /// <summary>More lines than any context window holds; reached only by a counter that counts nothing.</summary>
    private const int MostLines = 1 << 22;

    private static readonly string[] Names = ["passkey", "code", "number"];

    /// <summary>Creates the generator.</summary>
    public NeedleDocument(TokenCounter counter) : base(counter)
    {
    }

    /// <inheritdoc/>
    public override DocumentKind Kind => DocumentKind.Needle;

    /// <summary>Most secrets in a document, 1 to 3; a document's number is drawn evenly from 1. Default 3.</summary>
    public int MostSecrets { get; init; } = Names.Length;

    /// <inheritdoc/>
    /// <exception cref="InvalidInputException">The target is too short.</exception>
    public override GeneratedItem Create(int targetTokens, double depth, CalibrationSplit split, ulong seed)
    {
        CheckDepth(depth);
        SeededRandom random = new(seed);
        Secret[] secrets = new Secret[1 + random.Next(Math.Clamp(MostSecrets, 1, Names.Length))];
        string[] names = [.. Names];
        if (secrets.Length > 1)
            random.Shuffle(names);

        for (int s = 0; s < secrets.Length; s++)
            secrets[s] = new Secret(names[s], NextValue(random), s == 0 ? depth : random.NextDouble());

        while (!split.Owns(secrets[0].Answer))
            secrets[0] = secrets[0] with { Value = NextValue(random) };

        int start = random.Next(FillerText.Lines.Count);
        (string, double)[] needles = [.. secrets.Select(secret => (secret.Text, secret.Depth))];
        return Fill(targetTokens, 0, MostLines, count =>
        {
            IEnumerable<string> filler = Enumerable.Range(0, count).Select(i => FillerText.Lines[(start + i) % FillerText.Lines.Count]);
            string text = string.Join('\n', [Header, .. Insertion.AtDepths(filler, count, needles), secrets[0].Question]);
            return Item([new(ChatRole.User, text), new(ChatRole.Assistant, secrets[0].Answer)], depth, secrets[0].Value);
        }).Item;
    }

    private static int NextValue(SeededRandom random) => 10_000 + random.Next(90_000);

    private readonly record struct Secret(string Name, int Value, double Depth)
    {
        public string Text => string.Create(CultureInfo.InvariantCulture, $"The secret {Name} is {Value}. Remember it.");

        public string Question => $"What is the secret {Name}?";

        public string Answer => string.Create(CultureInfo.InvariantCulture, $"The secret {Name} is {Value}.");
    }
}
