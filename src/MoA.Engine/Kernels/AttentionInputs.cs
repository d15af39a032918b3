using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>The tensors of one layer's attention, dense rows of heads, and their shapes.</summary>
internal readonly unsafe struct AttentionInputs
{
    private const float Log2E = OnlineSoftmax<SimdScalar, float>.Log2E, Lowest = OnlineSoftmax<SimdScalar, float>.Lowest;

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

    public AttentionTraits Traits { get; init; }

    /// <summary>What queries are multiplied by before they meet keys: their products are then what <see cref="CapFactor"/> says.</summary>
    public float QueryFactor => Traits.ScaleOf(HeadSize) * (Traits.SoftCap > 0 ? 1 / Traits.SoftCap : Log2E);

    /// <summary>c·log₂e where scores to base 2 are this times the tanh of the products; 0 where they are the products.</summary>
    public float CapFactor => Traits.SoftCap * Log2E;

    /// <summary>The maximum and the sum of a query head's softmax before it has seen any row.</summary>
    public (float Maximum, float Sum) StartOf(int head) => Traits.Sinks is float[] sinks
        ? (MathF.Max(sinks[head] * Log2E, Lowest), 1)
        : (Lowest, 0);

    public float* Query(int row, int head) => Queries + ((nint)row * QueryHeads + head) * HeadSize;

    public float* Key(int row, int head) => Keys + ((nint)row * KeyValueHeads + head) * HeadSize;

    public float* Value(int row, int head) => Values + ((nint)row * KeyValueHeads + head) * HeadSize;

    public float* Output(int row, int head) => Outputs + ((nint)row * QueryHeads + head) * HeadSize;
}
