namespace MoA.Serving.Benchmarks;

/// <summary>Prompts of random tokens, which share no beginning; and conversations about records, which all begin with the same words.</summary>
internal static class Prompts
{
    // Below are special tokens of small vocabularies, and every model has these.
    private const int First = 16, Last = 500;

    public static int[] Make(Random random, int tokens) => [.. Enumerable.Range(0, tokens).Select(_ => random.Next(First, Last))];

    /// <summary>What all conversations begin with.</summary>
    public static string System { get; } = string.Join('\n',
        Enumerable.Range(1, 6).Select(rule => $"Rule {rule}: answer what is asked of the record and nothing else, in as few words as can be."));

    /// <summary>A question of a conversation; the first brings the record.</summary>
    public static string Question(int conversation, int turn)
    {
        Random random = new(conversation);
        (string Name, int Value)[] lines = [.. Enumerable.Range(0, 8).Select(line => ($"line-{conversation}-{line}", random.Next(10_000, 99_999)))];
        string record = string.Concat(lines.Select(line => $"line {line.Name}: REGISTER_CONTENT is <{line.Value}>\n"));
        string question = $"What is the <REGISTER_CONTENT> in line {lines[turn % lines.Length].Name}?";
        return turn == 0 ? $"Below is a record of lines. Remember the REGISTER_CONTENT of each line.\n{record}{question}" : question;
    }
}
