namespace MoA.Engine.Kernels.Gradients;

/// <summary>The memory that the attention gradient of one layer reads and writes; shapes as in
/// <see cref="GradientKernels.AttentionGradient"/>.</summary>
internal readonly unsafe struct AttentionGradientInputs
{
    public required AttentionShape Shape { get; init; }

    public required float* Queries { get; init; }

    public required float* Keys { get; init; }

    public required float* Values { get; init; }

    public required float* OutputGradient { get; init; }

    /// <summary>[queryHeads, blocks, blocks].</summary>
    public required float* Influence { get; init; }

    /// <summary>
    /// [queryHeads, rows, padded d]: each query head's share of the keys' gradient; null if not wanted.
    /// </summary>
    public required float* KeyGradients { get; init; }

    /// <summary>
    /// [queryHeads, rows, padded d]: each query head's share of the values' gradient; null if not wanted.
    /// </summary>
    public required float* ValueGradients { get; init; }

    /// <summary>d, rounded up to whole strips of the micro-kernel.</summary>
    public required int PaddedHeadSize { get; init; }

    public bool WithGradients => KeyGradients is not null;

    public float* Query(int row, int head) => Queries + ((nint)row * Shape.QueryHeads + head) * Shape.HeadSize;

    public float* Output(int row, int head) => OutputGradient + ((nint)row * Shape.QueryHeads + head) * Shape.HeadSize;

    public float* Key(int row, int head) => Keys + ((nint)row * Shape.KeyValueHeads + head) * Shape.HeadSize;

    public float* Value(int row, int head) => Values + ((nint)row * Shape.KeyValueHeads + head) * Shape.HeadSize;

    /// <summary>
    /// Where the share of a query head begins in <see cref="KeyGradients"/> and <see cref="ValueGradients"/>.
    /// </summary>
    public nint HeadOffset(int queryHead) => (nint)queryHead * Shape.Rows * PaddedHeadSize;
}
