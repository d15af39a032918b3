namespace MoA.Serving.Structured.Automata;

/// <summary>Waits for a token that is no text.</summary>
internal sealed class TokenTerminal(int token) : Terminal
{
    public int Token => token;

    public override int Next(int state, byte value) => Dead;

    public override bool IsFinal(int state) => false;
}
