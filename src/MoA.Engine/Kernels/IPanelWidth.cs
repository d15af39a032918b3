namespace MoA.Engine.Kernels;

/// <summary>How many vectors of queries a panel of prefill attention has; kernels are compiled for each.</summary>
internal interface IPanelWidth
{
    /// <summary>1 or 2.</summary>
    static abstract int Vectors { get; }
}

/// <summary>A panel that few queries fill.</summary>
internal readonly struct OneVector : IPanelWidth
{
    public static int Vectors => 1;
}

/// <summary>A whole panel.</summary>
internal readonly struct TwoVectors : IPanelWidth
{
    public static int Vectors => 2;
}
