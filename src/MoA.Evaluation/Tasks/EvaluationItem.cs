namespace MoA.Evaluation.Tasks;

/// <summary>One thing to ask a model, or one text whose probability is wanted.</summary>
/// <param name="Id">Names the item within its set.</param>
/// <param name="Prompt">Tokens to read.</param>
/// <param name="Reference">What the answer is compared with.</param>
internal sealed record EvaluationItem(string Id, int[] Prompt, ItemReference Reference)
{
    /// <summary>Most tokens of the answer; 0 if the text is only scored.</summary>
    public int MaxNewTokens { get; init; }

    /// <summary>For a text that is only scored: which of its tokens count. Null for a question.</summary>
    public bool[]? IsScored { get; init; }

    /// <summary>Tokens that end the answer besides those of the model.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>Tokens that an answer has at least: none of these ends it, they are the likeliest of the others.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>Tokens of the prompt before the question at its end; 0 where it does not end with one.</summary>
    public int QuestionStart { get; init; }

    /// <summary>Whether the policy chooses what to keep of the prompt before it sees the question, whose tokens then come one by one, as generated ones do.</summary>
    public bool HidesQuestion { get; init; }

    /// <summary>Tokens of the question where it is hidden, else 0.</summary>
    public int HiddenTokens => HidesQuestion ? Prompt.Length - QuestionStart : 0;

    /// <summary>Tokens of prompt and answer together: the length that policies see.</summary>
    public int Length => Prompt.Length + MaxNewTokens;
}
