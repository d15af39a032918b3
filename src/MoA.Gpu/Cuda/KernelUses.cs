using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU.Runtime.Cuda;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Cuda;

/// <summary>Asks the driver what its compiler made of the kernels that have run.</summary>
internal static unsafe class KernelUses
{
    // CU_FUNC_ATTRIBUTE_….
    private const int MostThreads = 0, SharedBytes = 1, LocalBytes = 3, Registers = 4;

    private static readonly MethodInfo Entry = typeof(KernelEntry).GetMethod(nameof(KernelEntry.Run))!;

    /// <summary>Every kernel that a device has run; none of the emulated one.</summary>
    public static IEnumerable<KernelUse> Of(DeviceSession session)
    {
        if (session.Accelerator is not CudaAccelerator accelerator || session.Cuda is not CudaLauncher launcher)
            yield break;
        foreach (Type type in session.Kernels.OrderBy(Name, StringComparer.Ordinal))
        {
            // Loaded before: this finds it again.
            if (accelerator.LoadKernel(Entry.MakeGenericMethod(type)) is CudaKernel kernel)
                yield return Read(accelerator, Name(type), kernel.FunctionPtr);
        }

        foreach ((CudaEntry entry, nint function) in launcher.Loaded)
            yield return Read(accelerator, entry.Name, function);
    }

    private static KernelUse Read(CudaAccelerator accelerator, string name, nint function)
    {
        // Of cuFuncGetAttribute(int* value, attribute, function), which ILGPU's binding lacks.
        var getAttribute = (delegate* unmanaged<int*, int, nint, CudaError>)NativeLibrary.GetExport(CudaDriver.Library, "cuFuncGetAttribute");
        accelerator.Bind();
        return new KernelUse(name, Get(Registers), Get(LocalBytes), Get(SharedBytes), Get(MostThreads));

        int Get(int attribute)
        {
            int value;
            CudaException.ThrowIfFailed(getAttribute(&value, attribute, function));
            return value;
        }
    }

    private static string Name(Type type) => type.IsGenericType
        ? $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
        : type.Name;
}
