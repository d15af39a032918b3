using System.Text.RegularExpressions;
using Microsoft.Win32.SafeHandles;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Models;

/// <summary>Of a mapped file a token touches the pages of its own experts: the others' cannot be read here, and who reads one ends the process.</summary>
public sealed partial class MappedExpertTests
{
    private const int NoAccess = 0, ReadAccess = 1; // PROT_…

    // Experts are as many pages wide as it takes to hold whole ones everywhere.
    private const int Width = 4096;

    /// <summary>Routers are zeros, so all experts score the same, and every token takes those of the lowest numbers.</summary>
    [Theory]
    [InlineData("mixtral", false)]
    [InlineData("mixtral", true)]
    [InlineData("gpt-oss-mxfp4", false)]
    [InlineData("gpt-oss-mxfp4", true)]
    public unsafe void Pages_of_experts_that_no_token_uses_are_not_touched(string fixture, bool isGguf)
    {
        if (!OperatingSystem.IsLinux())
            return; // mprotect
        using TemporaryFolder folder = new();
        WriteWide(fixture, folder);
        string path = isGguf ? GgufConverter.Convert(folder.Path, folder.File("wide.gguf"), null).File : folder.Path;
        using LoadedModel model = ModelFile.Load(path, threads: 2);
        IReadOnlyList<float[]> expected = Logits(model);
        WeightTensor[] unused = [.. model.Weights.Layers.SelectMany(layer => layer.FeedForward.Skip(2))
            .SelectMany(expert => new[] { expert.Gate, expert.Up, expert.Down })];
        (nint Start, nint Bytes)[] pages = [.. unused.Select(weight => WholePages((nint)weight.Data, weight.DataBytes)).Where(range => range.Bytes > 0)];
        Assert.InRange(pages.Sum(range => range.Bytes), 0.5 * unused.Sum(weight => weight.DataBytes), double.MaxValue);
        try
        {
            Assert.All(pages, range => Protect(range, NoAccess));
            using SafeFileHandle probe = File.OpenHandle(folder.File("probe"), FileMode.Create, FileAccess.Write);
            _ = Assert.Throws<IOException>(() => RandomAccess.Write(probe, new ReadOnlySpan<byte>((void*)pages[0].Start, 1), 0));
            Assert.Equal(expected, Logits(model));
        }
        finally
        {
            Assert.All(pages, range => Protect(range, ReadAccess));
        }
    }

    // A prompt, and tokens one by one, on every vector width.
    private static List<float[]> Logits(LoadedModel model)
    {
        List<float[]> logits = [];
        foreach (InstructionSet set in Machine.All)
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
            using Transformer transformer = new(model, backend);
            foreach (int chunk in new[] { 8, 1 })
            {
                using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 8);
                logits.Add(ModelFixture.Run(transformer, sequence, [5, 80, 7, 9, 11], chunk, chunk == 1 ? AttentionMode.Decode : AttentionMode.Prefill));
            }
        }

        return logits;
    }

    /// <summary>A fixture with wider experts of random weights, and routers of zeros.</summary>
    private static unsafe void WriteWide(string fixture, TemporaryFolder folder)
    {
        string source = RepositoryFiles.Fixture("models", fixture);
        string config = File.ReadAllText(Path.Combine(source, "config.json"));
        File.WriteAllText(folder.File("config.json"), IntermediateSize().Replace(config, $"\"intermediate_size\": {Width}"));
        Random random = new(1);
        List<(string, string, long[], ReadOnlyMemory<byte>)> tensors = [];
        foreach (string file in Directory.GetFiles(source, "model*.safetensors"))
        {
            using SafetensorsFile stored = SafetensorsFile.Open(file);
            foreach (string name in stored.Names)
            {
                SafetensorsEntry entry = stored[name];
                bool isRouter = name.Contains("router", StringComparison.Ordinal) || name.EndsWith("moe.gate.weight", StringComparison.Ordinal);
                long[] shape = WideShape(name) ?? entry.Shape;
                tensors.Add((name, entry.DType, shape, isRouter ? new byte[entry.Length]
                    : shape == entry.Shape ? new ReadOnlySpan<byte>((void*)entry.Data, (int)entry.Length).ToArray()
                    : Random(name, entry.DType, shape.Aggregate((product, size) => product * size))));
            }
        }

        SafetensorsWriter.Write(folder.File("model.safetensors"), null, tensors);

        byte[] Random(string name, string type, long elements)
        {
            byte[] bytes = new byte[elements * (type == "F32" ? 4 : type == "BF16" ? 2 : 1)];
            if (type == "U8" && name.EndsWith("blocks", StringComparison.Ordinal))
                random.NextBytes(bytes);
            else if (type == "U8")
                bytes.AsSpan().Fill(120); // exponents: 2^-7
            else if (type == "F32")
                Buffer.BlockCopy((float[])[.. Enumerable.Range(0, (int)elements).Select(_ => random.NextSingle() / 16)], 0, bytes, 0, bytes.Length);
            return bytes; // biases are zeros
        }
    }

    private static long[]? WideShape(string name) => name.Split('.') switch
    {
        [.., "w1" or "w3", _] => [Width, 64],
        [.., "w2", _] => [64, Width],
        [.., "gate_up_proj_blocks"] => [4, 2 * Width, 2, 16],
        [.., "gate_up_proj_scales"] => [4, 2 * Width, 2],
        [.., "gate_up_proj_bias"] => [4, 2 * Width],
        [.., "down_proj_blocks"] => [4, 64, Width / 32, 16],
        [.., "down_proj_scales"] => [4, 64, Width / 32],
        _ => null,
    };

    private static (nint Start, nint Bytes) WholePages(nint start, long bytes)
    {
        nint page = Environment.SystemPageSize, first = (start + page - 1) / page * page;
        return (first, (start + (nint)bytes) / page * page - first);
    }

    private static unsafe void Protect((nint Start, nint Bytes) range, int access) =>
        Assert.Equal(0, ((delegate* unmanaged<void*, nuint, int, int>)CLibrary.Find("mprotect"))((void*)range.Start, (nuint)range.Bytes, access));

    [GeneratedRegex("\"intermediate_size\": [0-9]+", RegexOptions.CultureInvariant)]
    private static partial Regex IntermediateSize();
}
