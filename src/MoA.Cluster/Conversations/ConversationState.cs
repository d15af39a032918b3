using System.Globalization;
using MoA.Serving.Chat;

namespace MoA.Cluster.Conversations;

/// <summary>What is kept of a conversation in case that the member that holds it is lost: clients bring the texts, this says in which tokens they were written.</summary>
[GenerateSerializer, Alias("moa.conversation-state")]
internal sealed class ConversationState
{
    // A conversation that has been answered anew very often forgets the oldest answers; their texts are cut into tokens afresh then.
    private const int MostTokens = 1 << 20;

    /// <summary>Name of the member that answered last.</summary>
    [Id(0)]
    public string Member { get; set; } = "";

    /// <summary>Tokens of the longest text that was read or written.</summary>
    [Id(1)]
    public int Length { get; set; }

    /// <summary>Keys of answers, in hexadecimal digits, the oldest first.</summary>
    [Id(2)]
    public List<string> Keys { get; set; } = [];

    /// <summary>The answers' tokens.</summary>
    [Id(3)]
    public List<int[]> Tokens { get; set; } = [];

    /// <summary>All answers.</summary>
    public IReadOnlyList<WrittenAnswer> Answers() =>
        [.. Keys.Zip(Tokens, (key, tokens) => new WrittenAnswer(UInt128.Parse(key, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture), tokens))];

    /// <summary>Adds an answer, or what another activation has stored.</summary>
    public void Add(WrittenAnswer answer)
    {
        string key = answer.Key.ToString("x32", CultureInfo.InvariantCulture);
        int known = Keys.IndexOf(key);
        if (known >= 0)
            RemoveAt(known);
        Keys.Add(key);
        Tokens.Add([.. answer.Tokens]);
        int all = Tokens.Sum(static tokens => tokens.Length);
        while (all > MostTokens && Keys.Count > 1)
        {
            all -= Tokens[0].Length;
            RemoveAt(0);
        }
    }

    private void RemoveAt(int index)
    {
        Keys.RemoveAt(index);
        Tokens.RemoveAt(index);
    }
}
