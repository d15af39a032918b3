using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured.Parts;

/// <summary>The name of one of some properties of an object; the outcome says which.</summary>
/// <param name="names">All names of the object.</param>
/// <param name="first">The first property that may come.</param>
/// <param name="last">The last.</param>
/// <param name="fits">Which of those between may.</param>
internal sealed class NameTerminal(ByteTrie names, int first, int last, Func<int, bool> fits) : Terminal
{
    public override int Next(int state, byte value)
    {
        int next = names.Next(state, value);
        if (next == ByteTrie.None)
            return Dead;
        foreach (int name in names.Under(next))
        {
            if (name >= first && name <= last && fits(name))
                return next;
        }

        return Dead;
    }

    // No name continues another, as each ends in a quote.
    public override bool IsFinal(int state) => names.EndAt(state) != ByteTrie.None;

    public override bool GoesOn(int state) => names.GoesOn(state);

    public override int Outcome(int state) => names.EndAt(state);
}
