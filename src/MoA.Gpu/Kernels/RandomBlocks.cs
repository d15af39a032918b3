using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>Draws blocks of a quantized weight: quants are random, factors the same in all. A thread a quad.</summary>
internal struct RandomBlocks : IDeviceKernel
{
    public ArrayView<Quad> Quads;

    /// <summary>One for each block, or none.</summary>
    public ArrayView<ushort> Factors;

    /// <summary>Of a block: the bits that are random.</summary>
    public ArrayView<Quad> Open;

    /// <summary>Of a block: the bits that are set.</summary>
    public ArrayView<Quad> Ones;

    public ulong Seed;

    /// <summary>What <see cref="Factors"/> are, as binary16 bits.</summary>
    public int Factor;

    /// <inheritdoc/>
    public readonly void Run()
    {
        long index = Threads.Index;
        if (index >= Quads.Length)
            return;
        long block = index / Open.Length, quad = index % Open.Length;
        ulong low = RandomBits.At(Seed + 2 * (ulong)index), high = RandomBits.At(Seed + 2 * (ulong)index + 1);
        Quad open = Open[quad], ones = Ones[quad];
        Quads[index] = new Quad(
            ((uint)low & open.X) | ones.X, ((uint)(low >> 32) & open.Y) | ones.Y, ((uint)high & open.Z) | ones.Z, ((uint)(high >> 32) & open.W) | ones.W);
        if (quad == 0 && block < Factors.Length)
            Factors[block] = (ushort)Factor;
    }
}
