namespace MoA.Engine.Kernels;

/// <summary>The tensors of one layer's attention, dense rows of heads, and their shapes.</summary>
internal readonly unsafe struct AttentionInputs
{
    /// <summary>[rows, queryHeads·headSize], after RoPE.</summary>
    public required float* Queries { get; init; }

    /// <summary>[rows, keyValueHeads·headSize], after RoPE, rounded to the cache's format.</summary>
    public required float* Keys { get; init; }

    /// <summary>[rows, keyValueHeads·headSize], rounded to the cache's format.</summary>
    public required float* Values { get; init; }

    /// <summary>[rows, queryHeads·headSize].</summary>
    public required float* Outputs { get; init; }

    public required int Layer { get; init; }

    public required int QueryHeads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadSize { get; init; }

    public int Group => QueryHeads / KeyValueHeads;

    public float Scale => 1f / MathF.Sqrt(HeadSize);

    public float* Query(int row, int head) => Queries + ((nint)row * QueryHeads + head) * HeadSize;

    public float* Key(int row, int head) => Keys + ((nint)row * KeyValueHeads + head) * HeadSize;

    public float* Value(int row, int head) => Values + ((nint)row * KeyValueHeads + head) * HeadSize;

    public float* Output(int row, int head) => Outputs + ((nint)row * QueryHeads + head) * HeadSize;
}
