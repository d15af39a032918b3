using System.Globalization;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Tests.Ptx;

/// <summary>A kernel's PTX, made without a device, and what can be read off it.</summary>
internal sealed partial record CompiledKernel(Type Kernel, string Text)
{
    /// <summary>32-bit registers that hold something at once.</summary>
    public int Registers => LiveRegisters.Most(Text);

    /// <summary>Loads from global memory, and how many of them are of 16 bytes.</summary>
    public (int All, int Wide) Loads => (Load().Count(Text), WideLoad().Count(Text));

    /// <summary>Whether anything stands in local memory or is called rather than inlined.</summary>
    public bool UsesLocalMemory => LocalMemory().IsMatch(Text);

    /// <summary>Constants below the normal numbers, which devices take for zero; the emulated one does not.</summary>
    public IEnumerable<string> VanishingConstants => Constant().Matches(Text).Select(match => match.Value)
        .Where(constant => float.IsSubnormal(BitConverter.UInt32BitsToSingle(uint.Parse(constant[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture))));

    public int SharedBytes => SharedMemory().Matches(Text).Sum(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));

    public static CompiledKernel Compile(PTXBackend backend, Type kernel)
    {
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(
            typeof(KernelEntry).GetMethod(nameof(KernelEntry.Run))!.MakeGenericMethod(kernel));
        PTXCompiledKernel compiled = (PTXCompiledKernel)backend.Compile(entry, default);
        return new CompiledKernel(kernel, compiled.PTXAssembly);
    }

    /// <summary>Compiles for an architecture with the settings that a device gets.</summary>
    public static IReadOnlyList<CompiledKernel> CompileAll(CudaArchitecture architecture) => CompileAll(architecture, KernelCatalogue.All);

    public static IReadOnlyList<CompiledKernel> CompileAll(CudaArchitecture architecture, IEnumerable<Type> kernels)
    {
        using Context context = DeviceSession.CreateContext(builder => builder);
        using PTXBackend backend = new(context, architecture, CudaInstructionSet.ISA_80, null!);
        return [.. kernels.Select(kernel => Compile(backend, kernel))];
    }

    [GeneratedRegex(@"\bld\.global\.")]
    private static partial Regex Load();

    [GeneratedRegex(@"\bld\.global\.v4\.b32")]
    private static partial Regex WideLoad();

    [GeneratedRegex(@"\.local\b|\bcall\b|\.extern")]
    private static partial Regex LocalMemory();

    [GeneratedRegex(@"\b0[fF][0-9a-fA-F]{8}\b")]
    private static partial Regex Constant();

    [GeneratedRegex(@"\.shared [^\[]*\[(\d+)\]")]
    private static partial Regex SharedMemory();
}
