using System.Runtime.InteropServices;

namespace MoA.Gpu.Cuda;

/// <summary>As <c>PrefillArguments</c> in prefill_attention.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PrefillLaunch
{
    public nint Memory, Tiles, Heads, VisibleRings, Queries, Keys, Values, Outputs;

    public int TileCount, KeyValueHeads, Group, TileHeads, Window;

    public float Scale;
}
