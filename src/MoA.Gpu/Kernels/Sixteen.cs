namespace MoA.Gpu.Kernels;

/// <summary>A lane's share of a head: two octets in registers.</summary>
internal struct Sixteen
{
    public Octet A, B;

    /// <summary>Σ this·other.</summary>
    public readonly float Dot(Sixteen other) => A.Dot(other.A) + B.Dot(other.B);

    /// <summary>this·factor.</summary>
    public readonly Sixteen Times(float factor) => new() { A = A.Times(factor), B = B.Times(factor) };

    /// <summary>this·factor + other·weight.</summary>
    public readonly Sixteen Blend(float factor, Sixteen other, float weight) =>
        new() { A = A.Blend(factor, other.A, weight), B = B.Blend(factor, other.B, weight) };

    /// <summary>What the lane holds whose number differs in the bits of <paramref name="mask"/>.</summary>
    public readonly Sixteen FromLane(int mask) => new() { A = A.FromLane(mask), B = B.FromLane(mask) };
}
