using MoA.Engine.Files;
using MoA.Engine.KvCache;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.Numerics;

/// <summary>The table of number formats, and that nothing takes a format that is not in it for another.</summary>
public sealed unsafe class ElementTypesTests
{
    public static TheoryData<ElementType> NoFormats => [(ElementType)(-1), (ElementType)Enum.GetValues<ElementType>().Length, (ElementType)99];

    /// <summary>Names, and elements and bytes of a block, as GGUF's documentation gives them.</summary>
    [Fact]
    public void Every_format_has_its_name_and_size()
    {
        (ElementType, string, int, int)[] expected =
        [
            (ElementType.F32, "f32", 1, 4), (ElementType.F16, "f16", 1, 2), (ElementType.BF16, "bf16", 1, 2),
            (ElementType.Q8_0, "q8_0", 32, 34), (ElementType.Q4_0, "q4_0", 32, 18), (ElementType.Q4_K, "q4_k", 256, 144),
            (ElementType.Q5_K, "q5_k", 256, 176), (ElementType.Q6_K, "q6_k", 256, 210),
            (ElementType.Q4_1, "q4_1", 32, 20), (ElementType.Q5_0, "q5_0", 32, 22), (ElementType.Q5_1, "q5_1", 32, 24),
            (ElementType.Q2_K, "q2_k", 256, 84), (ElementType.Q3_K, "q3_k", 256, 110), (ElementType.IQ4_NL, "iq4_nl", 32, 18),
            (ElementType.IQ4_XS, "iq4_xs", 256, 136), (ElementType.MXFP4, "mxfp4", 32, 17),
        ];
        Assert.Equal(Enum.GetValues<ElementType>(), ElementTypes.All);
        Assert.Equal(expected, ElementTypes.All.Select(type => (type, type.Name(), type.ElementsPerBlock(), type.BytesPerBlock())));
        Assert.Equal(ElementTypes.All.Where(type => type.ElementsPerBlock() > 1), ElementTypes.All.Where(type => type.IsQuantized()));
        Assert.All(ElementTypes.All, type => Assert.Equal(type, ElementTypes.Parse(type.Name().ToUpperInvariant())));
        Assert.Null(ElementTypes.Parse("q7_k"));
    }

    [Theory]
    [MemberData(nameof(NoFormats))]
    public void What_is_no_format_is_refused_everywhere(ElementType type)
    {
        byte* memory = stackalloc byte[1024];
        nint at = (nint)memory;
        Action[] uses =
        [
            () => type.Name(), () => type.IsQuantized(), () => type.ElementsPerBlock(), () => type.BytesPerBlock(), () => type.RowBytes(256),
            () => Quantization.Quantize((float*)at, type, (void*)at, 1), () => Quantization.Dequantize(type, (void*)at, (float*)at, 1),
            () => NumberFormat<SimdScalar, float>.Widen(type, (void*)at, (float*)at, 1),
            () => NumberFormat<Simd128, System.Runtime.Intrinsics.Vector128<float>>.Widen(type, (void*)at, (float*)at, 32),
            () => NumberFormat<SimdScalar, float>.Narrow((float*)at, type, (void*)at, 1),
            () => SimdMath<SimdScalar, float>.Load(type, (void*)at),
            () => RowFormat<SimdScalar, float>.Round((float*)at, type, 1),
            () => RowFormat<SimdScalar, float>.Write((float*)at, type, (byte*)at, 1),
            () => _ = new WeightTensor("weight", type, 1, 256, (void*)at),
            () => GgufTensorTypes.Code(type), () => GgufTensorTypes.FileType(type), () => GgufTensorPlan.MatrixType(type, 256),
            () => new RandomWeights(1, new ParallelOptions()).Matrix(type, 1, 256)(Stream.Null),
            () => _ = new SequenceCache(AttentionLayer.Config(1, 1, 32), AttentionLayer.Rings([1]), 64, type, new NativeAllocator()),
        ];
        Assert.All(uses, use => Assert.Throws<ArgumentOutOfRangeException>(use));
    }

    /// <summary>Formats that are known but not here: rows of a cache, and vectors that are added or multiplied.</summary>
    [Theory]
    [InlineData(ElementType.Q4_0)]
    [InlineData(ElementType.Q6_K)]
    public void A_format_that_is_not_used_somewhere_is_refused_there(ElementType type)
    {
        byte* memory = stackalloc byte[1024];
        nint at = (nint)memory;
        Assert.Throws<ArgumentOutOfRangeException>(() => NumberFormat<SimdScalar, float>.Narrow((float*)at, type, (void*)at, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => RowFormat<SimdScalar, float>.Round((float*)at, type, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SimdMath<SimdScalar, float>.Load(type, (void*)at));
    }
}
