using System.Runtime.InteropServices;

namespace MoA.Gpu.Cuda;

/// <summary>As <c>DecodeArguments</c> in decode_attention.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DecodeLaunch
{
    public nint Memory, Items, Pieces, VisibleRings, Queries, Outputs, States;

    public int PieceCount, KeyValueHeads, Group;

    public float Scale;
}
