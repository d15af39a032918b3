using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Adds a bias to rows.</summary>
internal static unsafe class RowBias<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>y += bias for each row.</summary>
    public static void Add(float* y, int rows, WeightTensor bias)
    {
        int size = bias.Type.BytesPerBlock();
        for (int row = 0; row < rows; row++, y += bias.Columns)
        {
            int i = 0;
            for (; i <= bias.Columns - TSimd.Width; i += TSimd.Width)
            {
                TVector b = SimdMath<TSimd, TVector>.Load(bias.Type, (byte*)bias.Data + i * size);
                TSimd.Store(y + i, TSimd.Add(TSimd.Load(y + i), b));
            }

            for (; i < bias.Columns; i++)
                y[i] += SimdMath<SimdScalar, float>.Load(bias.Type, (byte*)bias.Data + i * size);
        }
    }
}
