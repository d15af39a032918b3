using System.Runtime.InteropServices;

namespace MoA.Gpu.Cuda;

/// <summary>As in product.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ProductArguments
{
    public nint Inputs, Weights, Results;

    public int Rows, Outputs, Depth, InputQuads, WeightRows, WeightQuads, Stride, Add;
}
