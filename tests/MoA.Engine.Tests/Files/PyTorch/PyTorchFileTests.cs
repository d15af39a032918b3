using FsCheck.Fluent;
using MoA.Engine.Files;
using MoA.Engine.Files.PyTorch;
using MoA.Engine.Tests.Models.Loading;
using MoA.Tests;

namespace MoA.Engine.Tests.Files.PyTorch;

/// <summary>Checkpoints of torch.save: what is read, and what is refused without executing any of it.</summary>
public sealed class PyTorchFileTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Views_into_one_storage_are_read_whatever_their_strides(bool large)
    {
        TorchBytes file = new TorchBytes { Large = large }
            .Tensor("rows", "FloatStorage", "7", 12, 2, [2, 3], [3, 1])
            .Tensor("turned", "FloatStorage", "7", 12, 1, [3, 2], [1, 4])
            .Tensor("every third", "FloatStorage", "7", 12, 0, [4], [3])
            .Tensor("cube", "FloatStorage", "7", 12, 0, [2, 3, 2], [1, 4, 2])
            .Tensor("one", "FloatStorage", "7", 12, 11, [1, 1], [99, 77])
            .Tensor("none", "FloatStorage", "7", 12, 0, [0, 3], [3, 1])
            .Storage("7", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        Assert.Equal([2, 3, 4, 5, 6, 7], Read(file, "rows"));
        Assert.Equal([1, 5, 2, 6, 3, 7], Read(file, "turned"));
        Assert.Equal([0, 3, 6, 9], Read(file, "every third"));
        Assert.Equal([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11], Read(file, "cube"));
        Assert.Equal([11], Read(file, "one"));
        Assert.Empty(Read(file, "none"));
    }

    [Fact]
    public void Parameters_ordered_dictionaries_and_other_values_are_read_or_passed_over()
    {
        TorchBytes file = new TorchBytes()
            .Raw("epoch", 3L, "note", "text", "loss", 'G', new byte[8], "nothing", 'N', "list", ']', '(', 'K', 1, 'K', 2, 'e')
            .Raw("versions").Global("collections", "OrderedDict").Raw(')', 'R', '}', "_metadata", '}', 's', 'b')
            .Raw("weight").Global("torch._utils", "_rebuild_parameter").Raw('(').Global("torch._utils", "_rebuild_tensor")
            .Raw('(', '(', "storage").Global("torch", "FloatStorage").Raw("0", "cuda:0", 2L, 't', 'Q', 0L)
            .Numbers(2).Numbers(1).Raw('t', 'R', 0x88, 'N', 't', 'R')
            .Raw("typed").Global("torch._utils", "_rebuild_tensor_v3")
            .Raw('(', '(', "storage").Global("torch.storage", "UntypedStorage").Raw("0", "cpu", 8L, 't', 'Q', 1L)
            .Numbers(1).Numbers(1).Raw(0x89, 'N').Global("torch", "float32").Raw('t', 'R')
            .Storage("0", 2.5f, -1);
        Assert.Equal([2.5f, -1], Read(file, "weight"));
        Assert.Equal([-1], Read(file, "typed"));
        using Opened opened = new(file.Build());
        Assert.Equal(["weight", "typed"], opened.File.Names);
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("torch", "load")]
    [InlineData("torch.hub", "load")]
    [InlineData("torch._utils", "_rebuild_device_tensor_from_numpy")]
    [InlineData("collections", "defaultdict")]
    [InlineData("", "")]
    public void Names_that_no_checkpoint_needs_are_refused_where_they_stand(string module, string name)
    {
        string problem = $"its pickle names {module}.{name}, which was not executed";
        AssertRefused(new TorchBytes().Raw("a").Global(module, name), problem);
        AssertRefused(new TorchBytes().Raw("a", module, name, 0x93), problem);
    }

    [Theory]
    [InlineData('i', "the operation 'i'")]
    [InlineData('o', "the operation 'o'")]
    [InlineData(0x81, "the operation 0x81")]
    [InlineData(0x92, "the operation 0x92")]
    [InlineData(0x82, "the operation 0x82")]
    [InlineData('P', "the operation 'P'")]
    [InlineData('Q', "another kind")]
    [InlineData('R', "another kind")]
    [InlineData('b', "another kind")]
    [InlineData('0', "the operation '0'")]
    public void Operations_that_build_objects_are_refused(int operation, string problem) => AssertRefused(
        new TorchBytes().Raw("a").Global("torch._utils", "_rebuild_tensor_v2").Raw('(', "x", operation), problem);

    [Fact]
    public void Tensors_are_built_of_what_fits_them_only() => AssertRefused(
        new TorchBytes().Raw("a").Global("torch._utils", "_rebuild_tensor_v2").Raw('(', "x", 't', 'R'), "builds something from values that do not fit it");

    [Fact]
    public void Tensors_reach_nowhere_outside_their_storage()
    {
        const long Far = long.MaxValue;
        foreach ((long offset, long[] size, long[] strides, string problem) in new (long, long[], long[], string)[]
        {
            (0, [5], [1], "ends after the 4 elements of storage 0"),
            (2, [2], [2], "ends after the 4"),
            (Far, [1], [1], "ends after the 4"),
            (0, [Far], [Far], "ends after the 4"),
            (0, [Far, Far, Far], [Far, Far, Far], "ends after the 4"),
            (0, [Far, Far], [0, 0], "the same element in several places"),
            (0, [3, 2], [0, 1], "the same element in several places"),
            (-1, [1], [1], "do not fit each other"),
            (0, [1, 1], [1], "do not fit each other"),
            (0, [-1], [1], "no number from 0"),
            (0, [1], [-1], "no number from 0"),
        })
        {
            AssertRefused(new TorchBytes().Tensor("a", "FloatStorage", "0", 4, offset, size, strides).Storage("0", 1, 2, 3, 4), problem);
        }

        AssertRefused(new TorchBytes().Tensor("a", "FloatStorage", "0", 9, 0, [5], [1]).Storage("0", 1, 2, 3, 4), "ends after the 4");
        AssertRefused(new TorchBytes().Tensor("a", "FloatStorage", "1", 4, 0, [4], [1]).Storage("0", 1, 2, 3, 4), "lies in storage 1, which the file lacks");
        AssertRefused(new TorchBytes().Tensor("a", "LongStorage", "0", 1, 0, [1], [1]).Storage("0", 1, 2), "tensor a is int64; expected float32, float16 or bfloat16");
    }

    [Fact]
    public void Files_of_other_kinds_are_refused()
    {
        byte[] whole = new TorchBytes().Tensor("a", "FloatStorage", "0", 2, 0, [2], [1]).Storage("0", 1, 2).Build();
        AssertRefused([], "truncated: has 0 bytes");
        AssertRefused("(S'echo'\nios\nsystem\nxxxxxxxxxxxx"u8.ToArray(), "is no zip file, as torch.save writes since PyTorch 1.6");
        AssertRefused(whole[..^30], "is a damaged or truncated zip file");
        byte[] packed = [.. whole];
        packed[whole.AsSpan().LastIndexOf("PK\u0001\u0002"u8) + 10] = 8;
        AssertRefused(packed, "is compressed or encrypted; expected stored entries");
        AssertRefused(new TorchBytes().Entry("byteorder", [.. "big"u8]).Build(), "begin with the high byte");
        AssertRefused(new TorchBytes().Build("a/b"), "holds 0 entries data.pkl");
    }

    /// <summary>Whatever byte is changed, a file is read or refused in one line.</summary>
    [Fact]
    public void Damaged_files_are_read_or_refused()
    {
        byte[] whole = new TorchBytes { Large = true }
            .Raw('q', 1, 'h', 1, "versions").Global("collections", "OrderedDict").Raw(')', 'R', '}', "_metadata", '}', 's', 'b')
            .Tensor("a", "FloatStorage", "0", 6, 0, [2, 3], [1, 2]).Tensor("b", "HalfStorage", "0", 12, 2, [4], [1])
            .Storage("0", 1, 2, 3, 4, 5, 6).Build();
        Prop.ForAll(
            Gen.Choose(0, whole.Length - 1).Two().ToArbitrary(),
            Gen.Choose(0, 255).Two().ToArbitrary(),
            (places, values) =>
            {
                byte[] damaged = [.. whole];
                damaged[places.Item1] = (byte)values.Item1;
                damaged[places.Item2] = values.Item2 < 128 ? damaged[places.Item2] : (byte)values.Item1;
                try
                {
                    using Opened opened = new(damaged);
                    foreach (string name in opened.File.Names)
                        _ = opened.Floats(name);
                }
                catch (InvalidInputException e)
                {
                    return !e.Message.Contains('\n', StringComparison.Ordinal);
                }

                return true;
            }).Holds(1000);
    }

    private static float[] Read(TorchBytes file, string name)
    {
        using Opened opened = new(file.Build());
        return opened.Floats(name);
    }

    private static void AssertRefused(TorchBytes file, string problem) => AssertRefused(file.Build(), problem);

    private static void AssertRefused(byte[] file, string problem)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("pytorch_model.bin", file);
        Refusal.AssertThrows(path, problem, () =>
        {
            using PyTorchFile opened = PyTorchFile.Open(path);
            return opened.Find("a");
        });
    }

    private sealed class Opened : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Opened(byte[] bytes)
        {
            try
            {
                File = PyTorchFile.Open(_folder.Write("pytorch_model.bin", bytes));
            }
            catch
            {
                _folder.Dispose();
                throw;
            }
        }

        public PyTorchFile File { get; }

        public unsafe float[] Floats(string name)
        {
            StoredTensor tensor = File.Find(name);
            float[] numbers = new float[tensor.Shape.Aggregate(1L, (product, size) => product * size)];
            for (int i = 0; i < numbers.Length; i++)
                numbers[i] = tensor.Type == Engine.Numerics.ElementType.F32 ? ((float*)tensor.Data)[i] : (float)((Half*)tensor.Data)[i];
            return numbers;
        }

        public void Dispose()
        {
            File.Dispose();
            _folder.Dispose();
        }
    }
}
