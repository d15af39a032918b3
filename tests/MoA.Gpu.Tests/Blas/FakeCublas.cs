using System.Runtime.InteropServices;
using MoA.Gpu.Blas;

namespace MoA.Gpu.Tests.Blas;

/// <summary>
/// cuBLAS's functions as its documentation defines them, by columns and in double, on memory of the processor. It insists on what
/// the library insists on.
/// </summary>
internal sealed unsafe class FakeCublas
{
    public const nint Handle = 7, Stream = 11;

    private nint _stream;

    public FakeCublas() => Functions = new CublasFunctions
    {
        Create = (out nint handle) =>
        {
            handle = CreateError == 0 ? Handle : 0;
            Open += CreateError == 0 ? 1 : 0;
            return CreateError;
        },
        Destroy = handle =>
        {
            Assert.Equal(Handle, handle);
            Open--;
            return 0;
        },
        Property = (int property, out int value) =>
        {
            value = property switch { 0 => 12, 1 => 8, _ => 4 };
            return 0;
        },
        SetStream = (handle, stream) =>
        {
            _stream = stream;
            return 0;
        },
        SetWorkspace = (handle, memory, bytes) =>
        {
            Assert.NotEqual(0, memory);
            WorkspaceBytes = (long)bytes;
            return WorkspaceError;
        },
        Multiply = Multiply,
    };

    public CublasFunctions Functions { get; }

    public int CreateError { get; init; }

    public int WorkspaceError { get; init; }

    public int MultiplyError { get; set; }

    public int Open { get; private set; }

    public long WorkspaceBytes { get; private set; }

    private int Multiply(
        nint handle, int operationA, int operationB, int m, int n, int k, in float alpha, nint a, int typeA, int strideA, nint b, int typeB, int strideB,
        in float beta, nint c, int typeC, int strideC, int computeType, int algorithm)
    {
        Assert.Equal((Handle, Stream), (handle, _stream));
        Assert.Equal((14, 14, 0, 68, -1), (typeA, typeB, typeC, computeType, algorithm)); // CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT
        if (MultiplyError != 0)
            return MultiplyError;
        const int InvalidValue = 7;
        if (strideA < Math.Max(1, operationA == 0 ? m : k) || strideB < Math.Max(1, operationB == 0 ? k : n) || strideC < Math.Max(1, m))
            return InvalidValue;
        for (int column = 0; column < n; column++)
        {
            for (int row = 0; row < m; row++)
            {
                double sum = 0;
                for (int i = 0; i < k; i++)
                    sum += Widen(a, operationA == 0 ? row + (long)i * strideA : i + (long)row * strideA)
                        * Widen(b, operationB == 0 ? i + (long)column * strideB : column + (long)i * strideB);
                float* to = (float*)c + row + (long)column * strideC;
                *to = (float)(alpha * sum + (beta == 0 ? 0 : beta * *to)); // of no beta, what stands there is not read
            }
        }

        return 0;
    }

    private static double Widen(nint numbers, long index) => BitConverter.UInt32BitsToSingle((uint)((ushort*)numbers)[index] << 16);
}
