using FsCheck;
using FsCheck.Fluent;
using MoA.Engine;
using MoA.Engine.Files;
using MoA.Engine.Tests.Models.Loading;
using MoA.Tests;

namespace MoA.Engine.Tests.Files;

/// <summary>Files put together by hand from the format's description, whole, damaged and hostile.</summary>
public sealed class SafetensorsFileTests
{
    private const string Two =
        """{"__metadata__":{"format":"pt","note":"ä"},"b":{"dtype":"F32","shape":[2],"data_offsets":[3,11]},"a":{"dtype":"U8","shape":[3,1],"data_offsets":[0,3]}}""";

    private static readonly byte[] TwoData = [1, 2, 3, 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0];

    [Fact]
    public void A_file_made_by_hand_is_read_also_where_a_tensor_is_not_aligned()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("two.safetensors", SafetensorsBytes.File(Two, TwoData));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(["a", "b"], file.Names.Order());
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal("ä", file.Metadata["note"]);
        Assert.Equal([1f, -2.5f], file.ReadFloats("b"));
        Assert.Equal([3L, 1], file["a"].Shape);
        Assert.Equal("U8", file["a"].DType);
        Assert.Equal(3, file["a"].Length);
        Assert.True(file.Contains("a"));
        Assert.False(file.Contains("__metadata__"));
        Refusal.AssertThrows(file.Path, "has no tensor c", () => file["c"]);
        Refusal.AssertThrows(file.Path, "tensor a is U8; expected F32", () => file.ReadFloats("a"));
    }

    /// <summary>1.5, -2 and the largest or smallest number of each format, from the formats' definitions.</summary>
    [Theory]
    [InlineData("F32", new byte[] { 0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0, 0xFF, 0xFF, 0x7F, 0x7F }, 3.4028235e38f)]
    [InlineData("F16", new byte[] { 0, 0x3E, 0, 0xC0, 0xFF, 0x7B }, 65504f)]
    [InlineData("BF16", new byte[] { 0xC0, 0x3F, 0, 0xC0, 0x80, 0 }, 1.17549435e-38f)]
    [InlineData("F64", new byte[] { 0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0xD0, 0x3F }, 0.25f)]
    public void Every_float_format_widens(string dType, byte[] data, float last)
    {
        using TemporaryFolder folder = new();
        using SafetensorsFile file =
            SafetensorsFile.Open(folder.Write("x.safetensors", SafetensorsBytes.OneTensor(dType, "[3]", data)));
        Assert.Equal([1.5f, -2f, last], file.ReadFloats("x"));
    }

    [Fact]
    public void Scalars_empty_tensors_padding_and_files_without_tensors_are_well_formed()
    {
        using TemporaryFolder folder = new();
        const string header = """{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"e":{"dtype":"F32","shape":[2,0],"data_offsets":[4,4]}}   """;
        string path = folder.Write("s", SafetensorsBytes.File(header, 0, 0, 0x80, 0x3F));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal([1f], file.ReadFloats("s"));
        Assert.Empty(file.ReadFloats("e"));
        using SafetensorsFile none = SafetensorsFile.Open(folder.Write("none", SafetensorsBytes.File("{}")));
        Assert.Empty(none.Names);
    }

    [Fact]
    public void Every_fixture_opens()
    {
        string[] paths =
            Directory.GetFiles(RepositoryFiles.Fixture(), "*.safetensors", SearchOption.AllDirectories);
        foreach (string path in paths)
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            Assert.NotEmpty(file.Names);
        }
    }

    [Fact]
    public void Nothing_is_read_once_disposed()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("two.safetensors", SafetensorsBytes.File(Two, TwoData));
        SafetensorsFile file = SafetensorsFile.Open(path);
        file.Dispose();
        file.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => file.ReadFloats("b"));
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        using TemporaryFolder folder = new();
        byte[] whole = SafetensorsBytes.File(Two, TwoData);
        for (int length = 0; length < whole.Length; length++)
        {
            string path = folder.Write("cut.safetensors", whole.AsSpan(0, length));
            Refusal.AssertThrows(path, "truncated", () => SafetensorsFile.Open(path));
        }

        int dataStart = whole.Length - TwoData.Length;
        string last = folder.Write("cut.safetensors", whole.AsSpan(0, whole.Length - 1));
        Refusal.AssertThrows(last,
            $"truncated: tensor b needs bytes {dataStart + 3}..{dataStart + 11} but the file has " +
            $"{whole.Length - 1}; download or copy it again", () => SafetensorsFile.Open(last));
    }

    [Theory]
    [InlineData("[]", "does not begin with '{'")]
    [InlineData(" {}", "does not begin with '{'")]
    [InlineData("{\"x\":", "not valid JSON")]
    [InlineData("{}}", "not valid JSON")]
    [InlineData("{\"x\":7}", "\"x\" is 7; expected an object")]
    [InlineData("{\"x\":null}", "expected an object")]
    [InlineData("{\"__metadata__\":{\"a\":1}}", "\"__metadata__.a\" is 1; expected a string")]
    [InlineData("{\"__metadata__\":[]}", "expected an object")]
    [InlineData("{\"x\":{\"shape\":[1],\"data_offsets\":[0,4]}}", "\"x.dtype\" is missing")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "\"x.shape\" is missing")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[1]}}", "\"x.data_offsets\" is missing")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", "\"x.data_offsets\" is a list; expected two offsets")]
    [InlineData("{\"x\":{\"dtype\":\"Q4\",\"shape\":[1],\"data_offsets\":[4,0]}}", "tensor x has dtype Q4, shape [1] and data_offsets 4..0")]
    [InlineData("{\"x\":{\"dtype\":\"F4\",\"shape\":[9],\"data_offsets\":[0,4]}}", "shape [9]; expected sizes of at least 0 whose bytes are whole")]
    [InlineData("{\"x\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,4]}}", "expected 2 bytes")]
    [InlineData("{\"x\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", "\"x.dtype\" is 4; expected a string")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}", "\"x.shape[0]\" is \"1\"")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", "\"x.shape[0]\" is 1.5")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "shape [-1]")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[-1,-1],\"data_offsets\":[0,4]}}", "shape [-1, -1]")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", "fit 63 bits")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2305843009213693953],\"data_offsets\":[0,4]}}", "fit 63 bits")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,4]}}", "expected a whole number of 64 bits")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", "data_offsets -4..0")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", "data_offsets 4..0; expected 4 bytes")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", "data_offsets 0..4; expected 8 bytes")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[9223372036854775807,9223372036854775807]}}", "truncated")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[0,5]}}", "truncated: tensor x needs bytes")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"y\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}", "tensor y overlaps")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"y\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", "overlaps")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[1,4]}}", "tensor x leaves a gap before it: starts at data offset 1; expected 0")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", "expected nothing after them")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", "uplicate")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"\\u0078\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", "uplicate")]
    [InlineData("{\"\\ud800\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", "not valid JSON")]
    [InlineData("{\"a\\nb\":{\"dtype\":\"Q4\",\"shape\":[-4],\"data_offsets\":[0,4]}}", "tensor a b has")]
    public void A_bad_header_is_refused(string header, string problem)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("bad.safetensors", SafetensorsBytes.File(header, 1, 2, 3, 4));
        Refusal.AssertThrows(path, problem, () => SafetensorsFile.Open(path));
    }

    [Fact]
    public void Headers_of_impossible_length_are_refused()
    {
        using TemporaryFolder folder = new();
        string endless = folder.Write("endless", [.. Enumerable.Repeat((byte)0xFF, 8), (byte)'{', (byte)'}']);
        Refusal.AssertThrows(endless, "its header has 18446744073709551615 bytes", () => SafetensorsFile.Open(endless));
        string none = folder.Write("none", new byte[16]);
        Refusal.AssertThrows(none, "its header has 0 bytes", () => SafetensorsFile.Open(none));
        string picture = folder.Write("picture", [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10, 0, 0]);
        Refusal.AssertThrows(picture, "not a safetensors file", () => SafetensorsFile.Open(picture));
    }

    [Fact]
    public void Bytes_that_are_not_utf8_are_refused()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = SafetensorsBytes.OneTensor("U8", "[1]", 1);
        bytes[Array.IndexOf(bytes, (byte)'x')] = 0xC3;
        string path = folder.Write("bad.safetensors", bytes);
        Refusal.AssertThrows(path, "not valid JSON", () => SafetensorsFile.Open(path));
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_refused()
    {
        using TemporaryFolder folder = new();
        Refusal.AssertThrows(folder.File("none"), "there is no such file", () =>
            SafetensorsFile.Open(folder.File("none")));
        Refusal.AssertThrows(folder.Path, "is a folder; expected a file", () => SafetensorsFile.Open(folder.Path));
    }

    [Fact]
    public void Any_bytes_open_or_are_refused()
    {
        using TemporaryFolder folder = new();
        Prop.ForAll<byte[]>(bytes => OpensOrRefuses(folder, bytes)).Holds();
        Prop.ForAll<string>(text => OpensOrRefuses(folder, SafetensorsBytes.File("{" + text + "}", 1, 2, 3, 4)))
            .Holds();
    }

    [Fact]
    public void Any_damage_to_a_file_leaves_one_that_opens_or_is_refused()
    {
        using TemporaryFolder folder = new();
        byte[] whole = SafetensorsBytes.File(Two, TwoData);
        Gen<(int At, int Kind, byte Value)> damage =
            from at in Gen.Choose(0, whole.Length - 1)
            from kind in Gen.Choose(0, 3)
            from value in Gen.Elements(" \"{}[]:,-0123456789eE.\\utrfnx\0ÿ".Select(c => (byte)c))
            select (at, kind, value);
        Prop.ForAll(damage.NonEmptyListOf().Resize(4).ToArbitrary(), damages =>
        {
            List<byte> bytes = [.. whole];
            foreach ((int at, int kind, byte value) in damages.Where(d => d.At < bytes.Count))
            {
                switch (kind)
                {
                    case 0:
                        bytes.RemoveAt(at);
                        break;
                    case 1:
                        bytes.Insert(at, value);
                        bytes[0]++; // the header is longer by one
                        break;
                    default:
                        bytes[at] = value;
                        break;
                }
            }

            OpensOrRefuses(folder, [.. bytes]);
        }).Holds(1500);
    }

    /// <summary>Opens, and then every byte of every tensor can be read; or is refused in one line.</summary>
    private static unsafe void OpensOrRefuses(TemporaryFolder folder, byte[] bytes)
    {
        string path = folder.Write("any.safetensors", bytes);
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            long dataStart = 8 + BitConverter.ToInt64(bytes);
            long total = 0;
            foreach (string name in file.Names)
            {
                total += file[name].Length;
                ReadOnlySpan<byte> data = new(file[name].Data, (int)file[name].Length);
                Assert.True(bytes.AsSpan((int)dataStart).IndexOf(data) >= 0);
            }

            Assert.Equal(bytes.Length - dataStart, total);
        }
        catch (InvalidInputException refusal)
        {
            Assert.StartsWith(path + ": ", refusal.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', refusal.Message);
        }
    }
}
