using MoA.Engine.Configuration;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>The demo model with its matrices converted on loading, against converting each row by the formats' definitions.</summary>
public sealed unsafe class WeightConversionTests
{
    public static TheoryData<ElementType> Formats => [.. ElementTypes.All];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Matrices_are_converted_and_the_rest_is_kept(ElementType type)
    {
        using LoadedModel stored = ModelFile.Load(RepositoryFiles.DemoModel);
        using LoadedModel converted = ModelFile.Load(RepositoryFiles.DemoModel, type, threads: 2);
        Assert.Equal((stored.Name, stored.Config.HiddenSize), (converted.Name, converted.Config.HiddenSize));
        Assert.Same(converted.Weights.Embedding, converted.Weights.Head);
        WeightTensor[] before = [.. stored.Weights.All], after = [.. converted.Weights.All];
        Assert.Equal(before.Length, after.Length);
        long bytes = 0;
        for (int i = 0; i < before.Length; i++)
        {
            bool isMatrix = before[i].Rows > 1;
            Assert.Equal(isMatrix ? type : before[i].Type, after[i].Type);
            Assert.Equal((before[i].Name, before[i].Rows, before[i].Columns), (after[i].Name, after[i].Rows, after[i].Columns));
            bytes += after[i].Rows * after[i].Type.RowBytes(after[i].Columns);
            foreach (int row in new[] { 0, before[i].Rows / 2, before[i].Rows - 1 })
                Assert.Equal(Expected(before[i], row, after[i].Type), Floats(after[i].Type, after[i].Row(row), after[i].Columns));
        }

        Assert.Equal(bytes, converted.Weights.Bytes);
    }

    [Fact]
    public void Rows_that_blocks_do_not_divide_become_the_next_format_that_fits()
    {
        // Rows of 48 and 96 elements: neither holds whole blocks of 256, only the latter whole blocks of 32.
        using TemporaryFolder folder = new();
        ModelConfig shape = new()
        {
            Architecture = ModelFamily.Named("Llama"),
            HiddenSize = 48,
            LayerDescriptions =
            [
                new LayerDescription
                {
                    Rope = new RopeSettings(10_000, new RopeScaling.None()),
                    FeedForward = new FeedForwardDescription { IntermediateSize = 96 },
                },
            ],
            QueryHeads = 4,
            KeyValueHeads = 2,
            HeadSize = 12,
            VocabularySize = 400,
            MaxPositions = 128,
            RmsNormEpsilon = 1e-5,
        };
        RandomModel.Write(folder.File("small.gguf"), shape, ElementType.F32, "small");
        using LoadedModel model = ModelFile.Load(folder.File("small.gguf"), ElementType.Q4_K, threads: 1);
        Assert.Equal(ElementType.BF16, model.Weights.Layers[0].Query.Type);
        Assert.Equal(ElementType.Q8_0, model.Weights.Layers[0].FeedForward[0].Down.Type);
    }

    private static float[] Expected(WeightTensor weight, int row, ElementType type)
    {
        float[] values = Floats(weight.Type, weight.Row(row), weight.Columns);
        byte[] stored = new byte[type.RowBytes(weight.Columns)];
        fixed (float* source = values)
        fixed (byte* destination = stored)
        {
            Quantization.Quantize(source, type, destination, weight.Columns);
            return Floats(type, destination, weight.Columns);
        }
    }

    private static float[] Floats(ElementType type, byte* row, int columns)
    {
        float[] values = new float[columns];
        fixed (float* destination = values)
            Quantization.Dequantize(type, row, destination, columns);
        return values;
    }
}
