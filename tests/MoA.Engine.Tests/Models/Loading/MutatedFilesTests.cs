using System.IO.Compression;
using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Engine.Files.PyTorch;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Tests.Files.PyTorch;
using MoA.Engine.Tests.Tokenization;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>
/// Files of models, damaged by chance: each opens or is refused in one line that names it, with little memory, and nothing in it is
/// executed. <c>MOA_PROPERTY_RUNS=50</c> makes 10,000 cases of each.
/// </summary>
public sealed class MutatedFilesTests : IDisposable
{
    private const int Cases = 200;

    // Of the thread that loads; what is mapped does not count.
    private const long MostBytes = 256 << 20;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>What torch.save wrote: the pickle stands at the beginning, the zip's directory at the end; or the pickle alone.</summary>
    [Theory]
    [InlineData("pytorch_model-00001-of-00002.bin", false)]
    [InlineData("pytorch_model-00001-of-00002.bin", true)]
    [InlineData("pytorch_model-00002-of-00002.bin", true)]
    public void PyTorch_checkpoints(string shard, bool pickle)
    {
        foreach (string file in Directory.GetFiles(RepositoryFiles.Fixture("models", "llama-mha-pt-f16")))
            File.Copy(file, _folder.File(Path.GetFileName(file)));
        byte[] whole = File.ReadAllBytes(_folder.File(shard));
        Func<Random, byte[]> damage = pickle
            ? random => WithPickle(whole, stored => Mutation.OfBytes(stored, random, stored.Length))
            : random => Mutation.OfBytes(whole, random, 1400);
        Check(damage, shard, () => ModelFile.Load(_folder.Path, threads: 1).Dispose());
    }

    /// <summary>Calls of what must not run stand beside a tensor; a change may put them where they would be read.</summary>
    [Theory]
    [InlineData("os", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("torch._utils", "_rebuild_tensor_v2")]
    public void Pickles_with_calls(string module, string name)
    {
        string ran = Path.Combine(Environment.CurrentDirectory, "moa-hostile-pickle-ran");
        byte[] whole = new TorchBytes().Tensor("a", "FloatStorage", "0", 6, 0, [2, 3], [3, 1])
            .Raw("b").Global(module, name).Raw('(', "open('moa-hostile-pickle-ran','w') or touch moa-hostile-pickle-ran", 't', 'R').Storage("0", 1, 2, 3, 4, 5, 6).Build();
        Check(random => Mutation.OfBytes(whole, random, whole.Length), "pytorch_model.bin", () =>
        {
            using PyTorchFile file = PyTorchFile.Open(_folder.File("pytorch_model.bin"));
            foreach (string tensor in file.Names)
                _ = file.Find(tensor);
        });
        Assert.False(File.Exists(ran));
    }

    /// <summary>A published vocabulary cut to its first pieces, so that its settings are a large part of it.</summary>
    [Fact]
    public void SentencePiece_models()
    {
        foreach (string file in Directory.GetFiles(TokenizerVectors.File("spm")))
            File.Copy(file, _folder.File(Path.GetFileName(file)));
        byte[] whole = FirstPieces(File.ReadAllBytes(_folder.File("tokenizer.model")), 330);
        Check(random => Mutation.OfBytes(whole, random, whole.Length / 2), "tokenizer.model", () =>
        {
            Tokenizer tokenizer = Tokenizer.Load(_folder.Path);
            string text = tokenizer.Decode(tokenizer.Encode("a bc déf <s> 1", addSpecialTokens: true, parseSpecialTokens: true));
            Assert.InRange(text.Length, 0, 100_000);
        });
    }

    /// <summary>Every kind of configuration there is, over the weights that belong to it; what opens runs.</summary>
    [Fact]
    public void Configurations()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        foreach (string fixture in Directory.GetDirectories(RepositoryFiles.Fixture("models")))
        {
            foreach (string old in Directory.GetFiles(_folder.Path))
                File.Delete(old);
            foreach (string file in Directory.GetFiles(fixture).Where(file => Path.GetFileName(file) is not ("expected.safetensors" or "input.json")))
                File.Copy(file, _folder.File(Path.GetFileName(file)));
            string config = File.ReadAllText(_folder.File("config.json"));
            Check(random => Mutation.OfJson(config, random), "config.json", () => Run(backend), Cases / 5);
        }
    }

    private void Run(ComputeBackend backend)
    {
        using LoadedModel model = ModelFile.Load(_folder.Path, threads: 1);
        using Transformer transformer = new(model, backend);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 4);
        Assert.Equal(2 * model.Config.VocabularySize, ModelFixture.Run(transformer, sequence, [1, 2], 2, AttentionMode.Prefill).Length);
    }

    private void Check(Func<Random, byte[]> damage, string file, Action load, int cases = Cases) => Prop.ForAll(
        Gen.Choose(0, int.MaxValue).ToArbitrary(),
        seed =>
        {
            _ = _folder.Write(file, damage(new Random(seed)));
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                load();
            }
            catch (InvalidInputException e)
            {
                Assert.StartsWith(_folder.Path, e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain(e.Message, char.IsControl);
                Assert.InRange(e.Message.Length, 1, 1500);
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
        }).Holds(cases);

    private static byte[] WithPickle(byte[] checkpoint, Func<byte[], byte[]> change)
    {
        using MemoryStream file = new();
        using (ZipArchive from = new(new MemoryStream(checkpoint)), to = new(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (ZipArchiveEntry entry in from.Entries)
            {
                using Stream source = entry.Open(), target = to.CreateEntry(entry.FullName, CompressionLevel.NoCompression).Open();
                using MemoryStream bytes = new();
                source.CopyTo(bytes);
                target.Write(entry.Name == "data.pkl" ? change(bytes.ToArray()) : bytes.ToArray());
            }
        }

        return file.ToArray();
    }

    // Fields of a ModelProto: a tag, a length and as many bytes each; pieces are field 1.
    private static byte[] FirstPieces(byte[] model, int count)
    {
        List<byte> kept = [];
        for (int at = 0; at < model.Length;)
        {
            int start = at++, length = 0;
            for (int shift = 0; ; shift += 7)
            {
                length |= (model[at] & 127) << shift;
                if (model[at++] < 128)
                    break;
            }

            at += length;
            if (model[start] >> 3 != 1 || count-- > 0)
                kept.AddRange(model.AsSpan(start, at - start));
        }

        return [.. kept];
    }
}
