using System.Runtime.InteropServices;

namespace MoA.Gpu.Cuda;

/// <summary>As <c>MergeArguments</c> in decode_attention.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MergeLaunch
{
    public nint Items, Partials, States, Outputs;

    public int KeyValueHeads, Group, Quads;
}
