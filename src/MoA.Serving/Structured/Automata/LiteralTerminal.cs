namespace MoA.Serving.Structured.Automata;

/// <summary>One of several texts; the outcome says which.</summary>
internal sealed class LiteralTerminal : Terminal
{
    private readonly ByteTrie _texts;

    /// <summary>Texts in UTF-8.</summary>
    public LiteralTerminal(IReadOnlyList<byte[]> texts, CompileBudget? budget = null) => _texts = new ByteTrie(texts, budget);

    /// <summary>One text.</summary>
    public LiteralTerminal(ReadOnlySpan<byte> text)
        : this([text.ToArray()])
    {
    }

    public override int Next(int state, byte value) => _texts.Next(state, value);

    public override bool IsFinal(int state) => _texts.EndAt(state) != ByteTrie.None;

    public override bool GoesOn(int state) => _texts.GoesOn(state);

    public override int Outcome(int state) => _texts.EndAt(state);
}
