namespace MoA.Serving.Structured.Parts;

/// <summary>A piece of a grammar. Immutable once compiled, and safe to share between threads.</summary>
internal abstract class Part
{
    /// <summary>Most lists and objects within each other.</summary>
    public const int MostDepth = 32;

    /// <summary>The depth of what can never be written to its end.</summary>
    public const int Endless = MostDepth + 1;

    /// <summary>Lists and objects within each other that the shallowest text of it needs, or <see cref="Endless"/>.</summary>
    public int LeastDepth { get; private set; } = Endless;

    /// <summary>Whether it is a list or an object.</summary>
    public virtual bool IsContainer => false;

    /// <summary>Begins it. Nothing is added where it does not fit into the depth that is left.</summary>
    public abstract void Enter(Frame? stack, CursorSet into);

    /// <summary>Goes on when what was inside a frame of it has ended.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="outcome">What the terminal that ended says it was.</param>
    /// <param name="into">Where to add.</param>
    public abstract void Resume(Frame frame, int outcome, CursorSet into);

    /// <summary>Finds the depths of parts, which may hold each other; soonest where those come first that others hold.</summary>
    public static void FindDepths(IReadOnlyCollection<Part> parts)
    {
        for (bool changed = true; changed;)
        {
            changed = false;
            foreach (Part part in parts)
            {
                int depth = Math.Min(part.ComputeDepth(), Endless);
                changed |= depth < part.LeastDepth;
                part.LeastDepth = Math.Min(depth, part.LeastDepth);
            }
        }
    }

    /// <summary>The depth as it follows from those of the parts inside.</summary>
    protected abstract int ComputeDepth();

    /// <summary>Depth that is left inside a frame.</summary>
    protected static int DepthLeft(Frame? stack) => MostDepth - (stack?.Depth ?? 0);
}
