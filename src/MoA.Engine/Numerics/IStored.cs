namespace MoA.Engine.Numerics;

/// <summary>
/// A stored number format as a type, so that a kernel's inner loop is compiled for it rather than asking at every load.
/// </summary>
internal unsafe interface IStored
{
    /// <summary>Bytes of one number.</summary>
    static abstract int Size { get; }

    /// <summary>Loads and widens one vector.</summary>
    static abstract TVector Load<TSimd, TVector>(byte* source)
        where TSimd : ISimd<TVector>
        where TVector : struct;
}
