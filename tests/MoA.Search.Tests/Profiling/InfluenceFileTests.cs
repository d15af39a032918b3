using MoA.Engine;
using MoA.Engine.Files;
using MoA.Search.Profiling;

namespace MoA.Search.Tests.Profiling;

public sealed class InfluenceFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string PathOfFile => InfluenceFile.PathFor(_folder.Path, 128);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_written_is_read()
    {
        InfluenceProfile written = new()
        {
            Model = "tiny",
            Length = 128,
            Layers = 2,
            QueryHeads = 3,
            Items = 4,
            MeanLoss = 1.0 / 3,
            Values = [.. Enumerable.Range(0, 24).Select(i => i * 0.25f)],
        };
        InfluenceFile.Write(PathOfFile, written);
        InfluenceProfile read = InfluenceFile.Read(PathOfFile);
        Assert.Equal(written.Values, read.Values);
        Assert.Equal(written with { Values = read.Values }, read);
        Assert.Equal([20 * 0.25f, 21 * 0.25f, 22 * 0.25f, 23 * 0.25f], read.Head(1, 2).ToArray());
        Assert.Equal("influence-128.safetensors", Path.GetFileName(PathOfFile));
    }

    /// <summary>The file as docs/formats.md has it, read with nothing but the format's own reader.</summary>
    [Fact]
    public void The_tensor_and_the_metadata_have_the_promised_names()
    {
        Write(Metadata(), [1, 1, 2, 2], [1, 0, 2, 3]);
        InfluenceFile.Write(PathOfFile, InfluenceFile.Read(PathOfFile));
        using SafetensorsFile file = SafetensorsFile.Open(PathOfFile);
        Assert.Equal([1, 1, 2, 2], file["influence"].Shape);
        Assert.Equal("F32", file["influence"].DType);
        Assert.Equal(Metadata(), file.Metadata);
    }

    [Theory]
    [InlineData("length", null, "the metadata has no length")]
    [InlineData("model", null, "the metadata has no model")]
    [InlineData("length", "1e3", "length in the metadata is \"1e3\"; expected a whole number of at least 1")]
    [InlineData("length", "0", "length in the metadata is \"0\"")]
    [InlineData("length", "99999999999", "length in the metadata is \"99999999999\"")]
    [InlineData("length", "192", "expected F32 [layers, queryHeads, 3, 3]")]
    [InlineData("length", "130", "length 130 in blocks of 64")]
    [InlineData("blockSize", "48", "length 128 in blocks of 48")]
    [InlineData("items", "0", "items in the metadata is \"0\"")]
    [InlineData("meanLoss", "NaN", "meanLoss in the metadata is \"NaN\"; expected a finite number")]
    public void Wrong_metadata_are_refused(string key, string? value, string expected)
    {
        Dictionary<string, string> metadata = Metadata();
        if (value is null)
            _ = metadata.Remove(key);
        else
            metadata[key] = value;
        Write(metadata, [1, 1, 2, 2], [1, 0, 2, 3]);
        AssertRefused(expected);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(-1f)]
    public void Values_that_no_sum_of_magnitudes_has_are_refused(float value)
    {
        Write(Metadata(), [1, 1, 2, 2], [1, 0, value, 3]);
        AssertRefused("element 2 of tensor influence is ");
    }

    [Fact]
    public void Other_shapes_are_refused()
    {
        Write(Metadata(), [1, 2, 2], [1, 0, 2, 3]);
        AssertRefused("tensor influence is F32 [1, 2, 2]; expected F32 [layers, queryHeads, 2, 2]");
        Write(Metadata(), [0, 1, 2, 2], []);
        AssertRefused("tensor influence is F32 [0, 1, 2, 2]; expected");
        SafetensorsWriter.Write(PathOfFile, Metadata(), [("other", [1L], new float[1])]);
        AssertRefused("has no tensor influence");
    }

    private static Dictionary<string, string> Metadata() => new()
    {
        ["model"] = "tiny",
        ["length"] = "128",
        ["blockSize"] = "64",
        ["items"] = "3",
        ["meanLoss"] = "1.5",
    };

    private void Write(Dictionary<string, string> metadata, long[] shape, float[] values) =>
        SafetensorsWriter.Write(PathOfFile, metadata, [("influence", shape, values)]);

    private void AssertRefused(string expected)
    {
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(() => InfluenceFile.Read(PathOfFile));
        Assert.StartsWith(PathOfFile, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }
}
