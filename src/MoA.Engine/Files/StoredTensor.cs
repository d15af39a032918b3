using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>A tensor as a checkpoint stores it, whatever kind of file that is.</summary>
/// <param name="Path">The file that holds it.</param>
/// <param name="Type">Format of the elements.</param>
/// <param name="Shape">Sizes from the slowest dimension to the fastest.</param>
/// <param name="Data">The first byte, in memory that the checkpoint owns.</param>
/// <param name="Exponents">Where the exponents of MXFP4 blocks stand apart, as <see cref="WeightTensor.Exponents"/> says; else 0.</param>
internal readonly record struct StoredTensor(string Path, ElementType Type, long[] Shape, nint Data, nint Exponents = 0)
{
    /// <summary>The tensor as a matrix of its last dimension's columns, or a vector: a view.</summary>
    /// <param name="name">Its name, for messages.</param>
    public unsafe WeightTensor View(string name)
    {
        long rows = 1;
        foreach (long size in Shape.AsSpan(0, Math.Max(0, Shape.Length - 1)))
            rows = checked(rows * size);
        return new WeightTensor(name, Type, checked((int)rows), checked((int)Shape[^1]), (void*)Data, (void*)Exponents);
    }

    /// <summary>The matrices that a tensor of three dimensions holds one after the other, such as a layer's experts: views.</summary>
    /// <param name="name">Its name, for messages.</param>
    public WeightTensor[] Matrices(string name)
    {
        if (Shape is not [long count, long rows, _])
            throw new InvalidOperationException($"{name} has {Shape.Length} dimensions, not three.");
        WeightTensor all = View(name);
        WeightTensor[] matrices = new WeightTensor[count];
        for (int i = 0; i < matrices.Length; i++)
            matrices[i] = all.View($"{name}[{i}]", (int)(i * rows), (int)rows, 1);
        return matrices;
    }
}
