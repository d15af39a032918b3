using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace MoA.Gpu.Blas;

/// <summary>What is used of cuBLAS. Each returns 0 or an error's number; matrices lie by columns.</summary>
/// <remarks>https://docs.nvidia.com/cuda/cublas</remarks>
internal sealed class CublasFunctions
{
    /// <summary>CUBLAS_OP_N and CUBLAS_OP_T: a matrix as it is, and transposed.</summary>
    public const int AsItIs = 0, Transposed = 1;

    /// <summary>CUDA_R_32F and CUDA_R_16BF: types of numbers.</summary>
    public const int F32 = 0, BF16 = 14;

    /// <summary>CUBLAS_COMPUTE_32F: sums in F32, of products of tensor cores where the operands allow it.</summary>
    public const int SumsInF32 = 68;

    /// <summary>CUBLAS_GEMM_DEFAULT: the library chooses.</summary>
    public const int ChosenByLibrary = -1;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int Opening(out nint handle);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int Closing(nint handle);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int Asking(int property, out int value);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int GivingStream(nint handle, nint stream);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int GivingMemory(nint handle, nint memory, nuint bytes);

    /// <summary>C [m, n] = alpha·op(A) [m, k]·op(B) [k, n] + beta·C.</summary>
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int Multiplying(
        nint handle, int operationA, int operationB, int m, int n, int k, in float alpha, nint a, int typeA, int strideA, nint b, int typeB, int strideB,
        in float beta, nint c, int typeC, int strideC, int computeType, int algorithm);

    /// <summary>cublasCreate_v2.</summary>
    public required Opening Create { get; init; }

    /// <summary>cublasDestroy_v2.</summary>
    public required Closing Destroy { get; init; }

    /// <summary>cublasGetProperty: 0, 1 and 2 are the major and minor version and its patch level.</summary>
    public required Asking Property { get; init; }

    /// <summary>cublasSetStream_v2.</summary>
    public required GivingStream SetStream { get; init; }

    /// <summary>cublasSetWorkspace_v2.</summary>
    public required GivingMemory SetWorkspace { get; init; }

    /// <summary>cublasGemmEx.</summary>
    public required Multiplying Multiply { get; init; }

    /// <summary>Loads the library and, before it, what it needs from its folder; both stay loaded.</summary>
    /// <param name="library">Its file, or a name for the loader.</param>
    /// <param name="functions">Its functions.</param>
    /// <param name="whyNot">Why it was not loaded, in one line.</param>
    public static bool TryLoad(
        string library, [NotNullWhen(true)] out CublasFunctions? functions, [NotNullWhen(false)] out string? whyNot)
    {
        functions = null;
        whyNot = null;
        try
        {
            if (CublasSearch.Dependency(library) is string dependency)
                _ = NativeLibrary.Load(dependency);
            nint loaded = NativeLibrary.Load(library);
            functions = new CublasFunctions
            {
                Create = Function<Opening>(loaded, "cublasCreate_v2"),
                Destroy = Function<Closing>(loaded, "cublasDestroy_v2"),
                Property = Function<Asking>(loaded, "cublasGetProperty"),
                SetStream = Function<GivingStream>(loaded, "cublasSetStream_v2"),
                SetWorkspace = Function<GivingMemory>(loaded, "cublasSetWorkspace_v2"),
                Multiply = Function<Multiplying>(loaded, "cublasGemmEx"),
            };
            return true;
        }
        catch (Exception failure) when (failure is DllNotFoundException or BadImageFormatException or EntryPointNotFoundException)
        {
            whyNot = $"{library} cannot be loaded: {failure.Message.ReplaceLineEndings(" ").Trim()}";
            return false;
        }
    }

    /// <summary>The name of an error, cublasStatus_t.</summary>
    public static string Describe(int error) => error switch
    {
        1 => "not initialised (does the driver run this version of CUDA?)",
        3 => "not enough memory on the device",
        7 => "an invalid value",
        8 => "the device is too old for it",
        11 => "memory cannot be mapped",
        13 => "the device failed",
        14 => "an internal error",
        15 => "not supported",
        16 => "no licence",
        _ => $"error {error}",
    };

    private static T Function<T>(nint library, string name)
        where T : Delegate => Marshal.GetDelegateForFunctionPointer<T>(NativeLibrary.GetExport(library, name));
}
