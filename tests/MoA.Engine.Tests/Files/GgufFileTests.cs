using FsCheck;
using FsCheck.Fluent;
using MoA.Engine;
using MoA.Engine.Files;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models.Loading;
using MoA.Tests;

namespace MoA.Engine.Tests.Files;

/// <summary>Files written by hand as the description of the format has them, whole and with one fault each.</summary>
public sealed class GgufFileTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public unsafe void Metadata_and_tensors_are_found(uint version)
    {
        using TemporaryFolder folder = new();
        GgufBytes bytes = new() { Version = version, Alignment = 64 };
        bytes.Add("general.alignment", 64u).Add("a.text", "Grüße").Add("a.flag", true).Add("a.number", 0.25f)
            .Add("a.words", "x", "", "€").Add("a.scores", [1.5f, -2f]).Add("a.big", 10, BitConverter.GetBytes(1UL << 33))
            .Add("a.small", 1, [0xFE]).Add("a.nested", 9, [.. GgufBytes.Head(9, 1), .. GgufBytes.Head(4, 1), 1, 0, 0, 0])
            .AddTensor("matrix", [3, 2], [1, 2, 3, 4, 5, 6])
            .AddTensor("half", 1, [2], [0, 0x3C, 0, 0xC0])
            .AddTensor("blocks", 8, [64, 1], new byte[68]);
        using GgufFile file = GgufFile.Open(folder.Write("a.gguf", bytes.Build()));
        Assert.Equal("Grüße", file.Metadata.String("a.text"));
        Assert.True(file.Metadata.Bool("a.flag", missing: false));
        Assert.Equal(0.25, file.Metadata.OptionalDouble("a.number", 0, 1));
        Assert.Equal(["x", "", "€"], file.Metadata.OptionalStrings("a.words"));
        Assert.Equal([1.5f, -2f], file.Metadata.OptionalFloats("a.scores")!);
        Assert.Equal(-2, file.Metadata.Int("a.small", -5, 5));
        Assert.Null(file.Metadata.OptionalInt("a.none", 0, 1));
        Assert.Equal(["matrix", "half", "blocks"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([ElementType.F32, ElementType.F16, ElementType.Q8_0], file.Tensors.Select(tensor => tensor.Type!.Value));
        Assert.Equal([2, 3], file.Tensors[0].Shape);
        Assert.Equal([24, 4, 68], file.Tensors.Select(tensor => tensor.Bytes));
        Assert.Equal([1f, 2, 3, 4, 5, 6], new ReadOnlySpan<float>(file.DataOf(file.Tensors[0]), 6).ToArray());
        Assert.Equal([(Half)1, (Half)(-2)], new ReadOnlySpan<Half>(file.DataOf(file.Tensors[1]), 2).ToArray());
        AssertFault(file, () => file.Metadata.Int("a.big", 0, 100), "\"a.big\" is 8589934592; expected a whole number from 0 to 100");
        AssertFault(file, () => file.Metadata.String("a.number"), "\"a.number\" is 0.25; expected a string");
        AssertFault(file, () => file.Metadata.Int("a.words", 0, 1), "\"a.words\" is a list of 3 values of type String; expected");
        AssertFault(file, () => file.Metadata.String("a.none"), "the metadata has no \"a.none\"");
    }

    [Fact]
    public void A_file_that_is_none_is_refused()
    {
        AssertRefused("truncated: has 3 bytes, a GGUF file at least 24", [1, 2, 3]);
        AssertRefused("not a GGUF file: it begins with 0x04030201", new GgufBytes { Magic = 0x04030201 });
        AssertRefused("has GGUF version 1; expected 2 or 3", new GgufBytes { Version = 1 });
        AssertRefused("is big-endian", new GgufBytes { Version = 3 << 24 });
    }

    [Fact]
    public void Counts_and_lengths_beyond_the_file_are_refused()
    {
        AssertRefused("the number of tensors is 18446744073709551615", new GgufBytes { TensorCount = ulong.MaxValue });
        AssertRefused("the number of metadata entries is 4294967296", new GgufBytes { KeyCount = 1UL << 32 });
        AssertRefused("the length of a string in a metadata key is 1000",
            [.. new GgufBytes { KeyCount = 1 }.Build()[..24], .. BitConverter.GetBytes(1000UL), .. new byte[99]]);
        AssertRefused("the length of \"k\" is 1152921504606846976", new GgufBytes().Add("k", 9, GgufBytes.Head(10, 1L << 60)));
        AssertRefused("the length of \"k\" is 9223372036854775807", new GgufBytes().Add("k", 9, GgufBytes.Head(8, long.MaxValue)));
        AssertRefused("has the unknown value type 13", new GgufBytes().Add("k", 13, new byte[64]));
        AssertRefused("nests lists more than 4 deep",
            new GgufBytes().Add("k", 9, [.. Enumerable.Repeat(GgufBytes.Head(9, 1), 5).SelectMany(head => head), .. new byte[64]]));
    }

    [Fact]
    public void Names_that_stand_twice_are_refused()
    {
        AssertRefused("the metadata key \"k\" stands there twice", new GgufBytes().Add("k", 1u).Add("k", 2u));
        AssertRefused("two tensors are named t", new GgufBytes().AddTensor("t", [1], [1]).AddTensor("t", [1], [1]));
        AssertRefused("a metadata key has 0 characters", new GgufBytes().Add("", 1u));
    }

    [Fact]
    public void Tensors_that_cannot_be_read_are_named()
    {
        AssertRefused("tensor t has 5 dimensions", new GgufBytes().AddTensor("t", 0, [1, 1, 1, 1, 1], new byte[4]));
        AssertRefused("tensor t has a dimension of 18446744073709551615", new GgufBytes().AddTensor("t", 0, [ulong.MaxValue], []));
        AssertRefused("tensor t is Q4_K with rows of 32 elements; expected a multiple of 256",
            new GgufBytes().AddTensor("t", 12, [32], new byte[144]));
        AssertRefused("expected sizes whose bytes fit 63 bits", new GgufBytes().AddTensor("t", 0, [1UL << 40, 1UL << 40], new byte[4]));
        AssertRefused("expected sizes whose bytes fit 63 bits", new GgufBytes().AddTensor("t", 0, [1UL << 62], new byte[4]));
    }

    [Fact]
    public void Places_of_tensors_are_checked()
    {
        AssertRefused("truncated: tensor t needs 16 bytes from byte", new GgufBytes().AddTensor("t", 0, [4], new byte[12]));
        AssertRefused("starts at offset 4; expected a multiple of 32", new GgufBytes().AddTensor("t", 0, [1], new byte[40], offset: 4));
        AssertRefused("truncated: tensor t needs 4 bytes", new GgufBytes().AddTensor("t", 0, [1], new byte[4], offset: 1UL << 62));
        AssertRefused("starts at offset 18446744073709551584", new GgufBytes().AddTensor("t", 0, [1], new byte[4], offset: ulong.MaxValue - 31));
        AssertRefused("tensor u at offset 0 overlaps tensor t", new GgufBytes()
            .AddTensor("t", 0, [16], new byte[64]).AddTensor("u", 0, [1], new byte[4], offset: 0));
        AssertRefused("\"general.alignment\" is 48; expected a power of two", new GgufBytes().Add("general.alignment", 48u));
        AssertRefused("\"general.alignment\" is 0; expected a whole number from 1", new GgufBytes().Add("general.alignment", 0u));
    }

    /// <summary>Whatever byte of a file is changed and wherever it is cut, it is read or refused in one line.</summary>
    [Fact]
    public void Damage_is_refused_in_one_line()
    {
        using TemporaryFolder folder = new();
        byte[] whole = new GgufBytes().Add("a.words", "x", "yy").Add("a.b", 3u).Add("a.scores", [1f, 2f])
            .AddTensor("m", [3, 2], [1, 2, 3, 4, 5, 6]).AddTensor("q", 8, [32], new byte[34]).Build();
        Prop.ForAll(
            Gen.Choose(0, whole.Length - 1).Two().Zip(Gen.Choose(0, 255), (places, value) => (places.Item1, places.Item2, value)).ToArbitrary(),
            damage =>
            {
                byte[] bytes = [.. whole];
                bytes[damage.Item1] = (byte)damage.value;
                if (damage.value % 3 == 0)
                    bytes = bytes[..damage.Item2];
                string path = folder.Write("damaged.gguf", bytes);
                try
                {
                    using GgufFile file = GgufFile.Open(path);
                    foreach (string key in file.Metadata.Keys)
                        _ = file.Metadata[key].Shown();
                }
                catch (InvalidInputException refusal)
                {
                    Assert.StartsWith(path + ": ", refusal.Message, StringComparison.Ordinal);
                    Assert.DoesNotContain('\n', refusal.Message);
                }
            }).Holds(400);
    }

    private static void AssertFault(GgufFile file, Func<object> read, string problem) =>
        Refusal.AssertThrows(file.Path, problem, read);

    private static void AssertRefused(string problem, GgufBytes bytes) => AssertRefused(problem, bytes.Build());

    private static void AssertRefused(string problem, byte[] bytes)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.gguf", bytes);
        Refusal.AssertThrows(path, problem, () => GgufFile.Open(path));
    }
}
