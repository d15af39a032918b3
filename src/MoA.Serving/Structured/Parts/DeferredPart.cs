namespace MoA.Serving.Structured.Parts;

/// <summary>A part that is not known yet when others already refer to it.</summary>
internal sealed class DeferredPart : Part
{
    /// <summary>The part.</summary>
    public Part? Target { get; set; }

    public override void Enter(Frame? stack, CursorSet into) => into.Enter(Target!, stack);

    public override void Resume(Frame frame, int outcome, CursorSet into) => throw new NotSupportedException();

    protected override int ComputeDepth() => Target!.LeastDepth;
}
