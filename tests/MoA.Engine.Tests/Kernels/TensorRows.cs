using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Kernels;

/// <summary>Tensors with known contents: what lies past the rows in use is not a number and must stay untouched.</summary>
internal static unsafe class TensorRows
{
    public static float[] Random(Random random, int count, double scale = 1) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(scale * (2 * random.NextDouble() - 1)))];

    /// <summary>A tensor of the given rows and a guard row after them.</summary>
    public static Tensor Create(ComputeBackend backend, int columns, float[] values)
    {
        Tensor tensor = backend.Allocate(values.Length / columns + 1, columns);
        new Span<float>(tensor.Data, tensor.Rows * columns).Fill(float.NaN);
        values.CopyTo(new Span<float>(tensor.Data, values.Length));
        return tensor;
    }

    /// <summary>All rows but the guard, which must still be as it was.</summary>
    public static float[] Read(ComputeBackend backend, Tensor tensor)
    {
        ReadOnlySpan<float> all = backend.Read(tensor, tensor.Rows);
        foreach (float guard in all[^tensor.Columns..])
            Assert.True(float.IsNaN(guard), "a kernel wrote past its last row");
        return all[..^tensor.Columns].ToArray();
    }
}
