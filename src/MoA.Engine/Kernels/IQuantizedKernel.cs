namespace MoA.Engine.Kernels;

/// <summary>
/// How a quantised weight is multiplied with activations that were rounded to integers: the form of the activations, which
/// the inner loops want in the order in which they unpack the weight, and the loops themselves.
/// </summary>
internal unsafe interface IQuantizedKernel
{
    /// <summary>Elements of a row that are rounded together. Rows are filled up with zeros to whole units.</summary>
    static abstract int UnitElements { get; }

    /// <summary>Bytes of a rounded unit: quants, then factors; a multiple of a vector's 32.</summary>
    static abstract int UnitBytes { get; }

    /// <summary>Rounds the floats of a unit.</summary>
    static abstract void Round(float* x, byte* unit);

    /// <summary>Four weight rows by a row of activations.</summary>
    /// <param name="w0">A weight row; the others likewise.</param>
    /// <param name="w1">The second; any may be the same as another.</param>
    /// <param name="w2">The third.</param>
    /// <param name="w3">The fourth.</param>
    /// <param name="next">Where the rows begin that are read next, one after the other: asked for meanwhile.</param>
    /// <param name="units">Rounded activations.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="sums">The four products.</param>
    static abstract void FourByOne(byte* w0, byte* w1, byte* w2, byte* w3, byte* next, byte* units, int columns, float* sums);

    /// <summary>A weight row by four rows of activations.</summary>
    /// <param name="w">The weight row.</param>
    /// <param name="units">The first row of rounded activations.</param>
    /// <param name="stride">Bytes from one to the next.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="sums">The four products.</param>
    static abstract void OneByFour(byte* w, byte* units, nint stride, int columns, float* sums);
}
