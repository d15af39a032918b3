using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Eight consecutive numbers in registers. ILGPU does not unroll loops and keeps arrays in slow local memory, so that what
/// should stay in registers is written out here once.
/// </summary>
internal struct Octet
{
    public float A, B, C, D, E, F, G, H;

    /// <summary>Reads two quads of floats.</summary>
    public static Octet Load(ArrayView<Quad> floats, long quad) => Of(floats[quad], floats[quad + 1]);

    /// <summary>Eight floats.</summary>
    public static Octet Of(Quad first, Quad second) => new()
    {
        A = first.FloatX,
        B = first.FloatY,
        C = first.FloatZ,
        D = first.FloatW,
        E = second.FloatX,
        F = second.FloatY,
        G = second.FloatZ,
        H = second.FloatW,
    };

    /// <summary>Eight bfloat16 numbers.</summary>
    public static Octet OfBF16(Quad quad) => new()
    {
        A = Interop.IntAsFloat(quad.X << 16),
        B = Interop.IntAsFloat(quad.X & 0xFFFF0000u),
        C = Interop.IntAsFloat(quad.Y << 16),
        D = Interop.IntAsFloat(quad.Y & 0xFFFF0000u),
        E = Interop.IntAsFloat(quad.Z << 16),
        F = Interop.IntAsFloat(quad.Z & 0xFFFF0000u),
        G = Interop.IntAsFloat(quad.W << 16),
        H = Interop.IntAsFloat(quad.W & 0xFFFF0000u),
    };

    /// <summary>Eight binary16 numbers.</summary>
    public static Octet OfF16(Quad quad) => new()
    {
        A = Bits.OfHalf(quad.X),
        B = Bits.OfHalf(quad.X >> 16),
        C = Bits.OfHalf(quad.Y),
        D = Bits.OfHalf(quad.Y >> 16),
        E = Bits.OfHalf(quad.Z),
        F = Bits.OfHalf(quad.Z >> 16),
        G = Bits.OfHalf(quad.W),
        H = Bits.OfHalf(quad.W >> 16),
    };

    /// <summary>Eight bytes, each less <paramref name="shift"/>.</summary>
    public static Octet OfBytes(uint first, uint second, int shift) => new()
    {
        A = Bits.OfByte(first, shift),
        B = Bits.OfByte(first >> 8, shift),
        C = Bits.OfByte(first >> 16, shift),
        D = Bits.OfByte(first >> 24, shift),
        E = Bits.OfByte(second, shift),
        F = Bits.OfByte(second >> 8, shift),
        G = Bits.OfByte(second >> 16, shift),
        H = Bits.OfByte(second >> 24, shift),
    };

    /// <summary>Rounded to binary16.</summary>
    public readonly Quad ToF16() => new(
        Bits.RoundToSignedHalf(A) | (Bits.RoundToSignedHalf(B) << 16),
        Bits.RoundToSignedHalf(C) | (Bits.RoundToSignedHalf(D) << 16),
        Bits.RoundToSignedHalf(E) | (Bits.RoundToSignedHalf(F) << 16),
        Bits.RoundToSignedHalf(G) | (Bits.RoundToSignedHalf(H) << 16));

    /// <summary>The first so many numbers, and zeros.</summary>
    public readonly Octet First(int count) => new()
    {
        A = count > 0 ? A : 0,
        B = count > 1 ? B : 0,
        C = count > 2 ? C : 0,
        D = count > 3 ? D : 0,
        E = count > 4 ? E : 0,
        F = count > 5 ? F : 0,
        G = count > 6 ? G : 0,
        H = count > 7 ? H : 0,
    };

    /// <summary>Rounded to bfloat16.</summary>
    public readonly Quad ToBF16() => new(
        Bits.RoundToBF16(A) | Bits.RoundToBF16(B) << 16,
        Bits.RoundToBF16(C) | Bits.RoundToBF16(D) << 16,
        Bits.RoundToBF16(E) | Bits.RoundToBF16(F) << 16,
        Bits.RoundToBF16(G) | Bits.RoundToBF16(H) << 16);

    public readonly void Store(ArrayView<Quad> floats, long quad)
    {
        floats[quad] = Quad.Of(A, B, C, D);
        floats[quad + 1] = Quad.Of(E, F, G, H);
    }

    /// <summary>this·factor.</summary>
    public readonly Octet Times(float factor) => new()
    {
        A = A * factor,
        B = B * factor,
        C = C * factor,
        D = D * factor,
        E = E * factor,
        F = F * factor,
        G = G * factor,
        H = H * factor,
    };

    /// <summary>this·factor + addend.</summary>
    public readonly Octet Affine(float factor, float addend) => new()
    {
        A = A * factor + addend,
        B = B * factor + addend,
        C = C * factor + addend,
        D = D * factor + addend,
        E = E * factor + addend,
        F = F * factor + addend,
        G = G * factor + addend,
        H = H * factor + addend,
    };

    /// <summary>this·factor + other·weight.</summary>
    public readonly Octet Blend(float factor, Octet other, float weight) => new()
    {
        A = A * factor + other.A * weight,
        B = B * factor + other.B * weight,
        C = C * factor + other.C * weight,
        D = D * factor + other.D * weight,
        E = E * factor + other.E * weight,
        F = F * factor + other.F * weight,
        G = G * factor + other.G * weight,
        H = H * factor + other.H * weight,
    };

    /// <summary>this + other·weight.</summary>
    public readonly Octet Plus(Octet other, float weight) => new()
    {
        A = A + other.A * weight,
        B = B + other.B * weight,
        C = C + other.C * weight,
        D = D + other.D * weight,
        E = E + other.E * weight,
        F = F + other.F * weight,
        G = G + other.G * weight,
        H = H + other.H * weight,
    };

    /// <summary>Σ this·other.</summary>
    public readonly float Dot(Octet other) =>
        (A * other.A + B * other.B + (C * other.C + D * other.D)) + (E * other.E + F * other.F + (G * other.G + H * other.H));

    /// <summary>The largest magnitude.</summary>
    public readonly float LargestMagnitude() => Math.Max(
        Math.Max(Math.Max(Math.Abs(A), Math.Abs(B)), Math.Max(Math.Abs(C), Math.Abs(D))),
        Math.Max(Math.Max(Math.Abs(E), Math.Abs(F)), Math.Max(Math.Abs(G), Math.Abs(H))));

    /// <summary>What the lane holds whose number differs in the bits of <paramref name="mask"/>.</summary>
    public readonly Octet FromLane(int mask) => new()
    {
        A = Warp.ShuffleXor(A, mask),
        B = Warp.ShuffleXor(B, mask),
        C = Warp.ShuffleXor(C, mask),
        D = Warp.ShuffleXor(D, mask),
        E = Warp.ShuffleXor(E, mask),
        F = Warp.ShuffleXor(F, mask),
        G = Warp.ShuffleXor(G, mask),
        H = Warp.ShuffleXor(H, mask),
    };
}
