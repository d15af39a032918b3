using System.Runtime.InteropServices;
using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Sixteen bytes, the most that a thread loads at once. Memory that is read in bulk is declared in these, whatever stands in it:
/// ILGPU then emits one load of four words.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Quad
{
    public uint X, Y, Z, W;

    public Quad(uint x, uint y, uint z, uint w)
    {
        X = x;
        Y = y;
        Z = z;
        W = w;
    }

    /// <summary>The four floats whose bits these are.</summary>
    public static Quad Of(float x, float y, float z, float w) =>
        new(Interop.FloatAsInt(x), Interop.FloatAsInt(y), Interop.FloatAsInt(z), Interop.FloatAsInt(w));

    /// <summary>The four floats times a number.</summary>
    public readonly Quad Times(float factor) => Of(FloatX * factor, FloatY * factor, FloatZ * factor, FloatW * factor);

    /// <summary>The four floats and four others added up.</summary>
    public readonly Quad Plus(Quad other) =>
        Of(FloatX + other.FloatX, FloatY + other.FloatY, FloatZ + other.FloatZ, FloatW + other.FloatW);

    public readonly float FloatX => Interop.IntAsFloat(X);

    public readonly float FloatY => Interop.IntAsFloat(Y);

    public readonly float FloatZ => Interop.IntAsFloat(Z);

    public readonly float FloatW => Interop.IntAsFloat(W);
}
