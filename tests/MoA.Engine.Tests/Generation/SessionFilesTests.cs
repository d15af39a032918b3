using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models;
using MoA.Tests;

namespace MoA.Engine.Tests.Generation;

/// <summary>Caches in files: what comes back after a restart, and what damaged, forged and foreign files come to.</summary>
public sealed class SessionFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ComputeBackend _backend = ComputeBackend.CreateCpu(2);
    private readonly Dictionary<string, LanguageModel> _models = [];

    [Theory]
    [InlineData("llama-gqa-llama3", "plan", ElementType.F32)]
    [InlineData("gemma3", "dense", ElementType.BF16)]
    [InlineData("gemma3", "plan", ElementType.BF16)]
    [InlineData("gpt-oss", "plan", ElementType.F32)]
    [InlineData("qwen3", "fixed", ElementType.Q8_0)]
    [InlineData("mistral", "plan", ElementType.Q8_0)]
    public void A_conversation_goes_on_after_a_restart(string name, string kind, ElementType type)
    {
        LanguageModel model = Load(name);
        AttentionPolicy policy = Policy(kind, model);
        int[] tokens = Tokens(model, 240);
        using SequenceCache caches = Fill(model, policy, type, tokens.AsSpan(0, 150), 160);
        caches.Extend(300); // rings that have grown have lost rows
        _ = ModelFixture.Run(model.Transformer, caches, tokens.AsSpan(150, 50), 50, AttentionMode.Prefill);
        string path = _folder.File("talk.session");
        using (CacheSnapshot snapshot = caches.TakeSnapshot())
            new SessionFiles(model, policy, type).Save(path, snapshot, tokens.AsMemory(0, 200));
        float[] expected = ModelFixture.Run(model.Transformer, caches, tokens.AsSpan(200), 40, AttentionMode.Prefill);

        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using LanguageModel restarted = LanguageModel.Load(model.Path, backend);
        SessionFiles files = new(restarted, Policy(kind, restarted), type);
        SavedSession saved = files.Inspect(path);
        Assert.Equal(tokens[..200], saved.Tokens);
        Assert.Equal(300, saved.Capacity);
        long before = backend.Allocator.AllocatedBytes;
        (CacheSnapshot loaded, int[] read) = files.Load(path);
        Assert.Equal(saved.Bytes, loaded.Bytes);
        Assert.Equal(saved.Bytes, backend.Allocator.AllocatedBytes - before);
        Assert.Equal(saved.Tokens, read);
        using SequenceCache again = loaded.Restore(300);
        loaded.Dispose();
        Assert.Equal(expected, ModelFixture.Run(restarted.Transformer, again, tokens.AsSpan(200), 40, AttentionMode.Prefill));
    }

    /// <summary>The file as docs/formats.md says it, read with other means.</summary>
    [Fact]
    public unsafe void Files_are_as_they_are_documented()
    {
        LanguageModel model = Load("gemma3");
        AttentionPolicy policy = Policy("plan", model);
        int[] tokens = Tokens(model, 100);
        using SequenceCache caches = Fill(model, policy, ElementType.BF16, tokens, 120);
        string path = Save(model, policy, ElementType.BF16, caches, tokens);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal("moa-session/1", file.Metadata["format"]);
        Assert.Equal(("moa", "bf16", "120"), (file.Metadata["policy"], file.Metadata["kv"], file.Metadata["capacity"]));
        Assert.Equal(tokens, Ints(file, "head.tokens"));
        int[] heads = Ints(file, "head.states");
        ReadOnlySpan<byte> keys = Bytes(file, "rows.keys"), values = Bytes(file, "rows.values");
        XxHash128 rows = new();
        rows.Append(keys);
        rows.Append(values);
        Assert.Equal(Convert.ToHexStringLower(rows.GetCurrentHash()), file.Metadata["rows"]);
        int at = 0;
        for (int i = 0; i < model.Config.Layers * model.Config.KeyValueHeads; i++)
        {
            HeadCache head = caches.Head(i / model.Config.KeyValueHeads, i % model.Config.KeyValueHeads);
            Assert.Equal([head.Layout.SinkRows, head.Layout.RingRows, 0, 0], heads[(4 * i)..(4 * i + 4)]);
            for (int position = 0; position < tokens.Length; position++)
            {
                if (position >= head.Layout.SinkRows && position < tokens.Length - head.Layout.RingRows)
                    continue;
                nint slot = (nint)head.Slot(position) * head.BytesPerRow;
                Assert.True(new ReadOnlySpan<byte>(head.Keys + slot, head.BytesPerRow).SequenceEqual(keys.Slice(at, head.BytesPerRow)));
                Assert.True(new ReadOnlySpan<byte>(head.Values + slot, head.BytesPerRow).SequenceEqual(values.Slice(at, head.BytesPerRow)));
                at += head.BytesPerRow;
            }
        }

        Assert.Equal(at, keys.Length);
    }

    [Fact]
    public void Damaged_files_are_refused_in_one_line()
    {
        LanguageModel model = Load("gemma3");
        AttentionPolicy policy = Policy("plan", model);
        int[] tokens = Tokens(model, 100);
        using SequenceCache caches = Fill(model, policy, ElementType.BF16, tokens, 120);
        byte[] whole = File.ReadAllBytes(Save(model, policy, ElementType.BF16, caches, tokens));
        SessionFiles files = new(model, policy);
        int header = BitConverter.ToInt32(whole) + 8;
        Gen<(int Kind, int At, int Count, int Seed)> damages =
            from kind in Gen.Choose(0, 5)
            from at in Gen.OneOf(Gen.Choose(0, 16), Gen.Choose(0, header + 600), Gen.Choose(0, whole.Length - 1))
            from count in Gen.OneOf(Gen.Constant(1), Gen.Choose(1, 64), Gen.Choose(1, 5000))
            from seed in Gen.Choose(0, int.MaxValue)
            select (kind, at, count, seed);
        string path = _folder.File("damaged.session");
        Prop.ForAll(damages.ToArbitrary(), damage =>
        {
            byte[] bytes = Damage(whole, damage.Kind, damage.At, damage.Count, new Random(damage.Seed));
            File.WriteAllBytes(path, bytes);
            long before = _backend.Allocator.AllocatedBytes;
            try
            {
                (CacheSnapshot snapshot, int[] read) = files.Load(path);
                using (snapshot)
                {
                    // Blanks of the header may be others.
                    string again = _folder.File("again.session");
                    files.Save(again, snapshot, read);
                    Assert.Equal(whole, File.ReadAllBytes(again));
                }
            }
            catch (InvalidInputException refusal)
            {
                AssertOneLine(refusal, path);
            }

            Assert.Equal(before, _backend.Allocator.AllocatedBytes);
        }).Holds(300);
    }

    /// <summary>Whoever makes a file with the right checksums gets no further: numbers that make no sense are refused, others give caches that run.</summary>
    [Fact]
    public void Forged_files_do_no_harm()
    {
        LanguageModel model = Load("gemma3");
        AttentionPolicy policy = Policy("plan", model);
        int[] tokens = Tokens(model, 100);
        using SequenceCache caches = Fill(model, policy, ElementType.BF16, tokens, 120);
        string whole = Save(model, policy, ElementType.BF16, caches, tokens);
        SessionFiles files = new(model, policy);
        Gen<int> numbers = Gen.OneOf(
            Gen.Elements(0, 1, 31, 32, 63, 64, 65, 100, 119, 120, 121, 128, -1, int.MaxValue, int.MinValue, int.MaxValue - 63), Gen.Choose(0, 130));
        Gen<(int At, int Number, int At2, int Number2, string Capacity)> forgeries =
            from at in Gen.Choose(0, 4 * 8 + 99)
            from number in numbers
            from at2 in Gen.Choose(0, 4 * 8 + 99)
            from number2 in numbers
            from capacity in Gen.OneOf(
                Gen.Constant("120"), Gen.Elements("", "0", "99", "-1", "1e3", "2147483647", "99999999999"), numbers.Select(n => n.ToString(CultureInfo.InvariantCulture)))
            select (at, number, at2, number2, capacity);
        string path = _folder.File("forged.session");
        Prop.ForAll(forgeries.ToArbitrary(), forgery =>
        {
            Forge(whole, path, forgery.Capacity, numbers =>
            {
                numbers[forgery.At] = forgery.Number;
                numbers[forgery.At2] = forgery.Number2;
            });
            long before = _backend.Allocator.AllocatedBytes;
            try
            {
                (CacheSnapshot snapshot, int[] read) = files.Load(path);
                using (snapshot)
                {
                    using SequenceCache restored = snapshot.Restore(Math.Max(snapshot.Length + 20, 120));
                    _ = ModelFixture.Run(model.Transformer, restored, tokens.AsSpan(0, 20), 10, AttentionMode.Prefill);
                }
            }
            catch (InvalidInputException refusal)
            {
                AssertOneLine(refusal, path);
            }

            Assert.Equal(before, _backend.Allocator.AllocatedBytes);
        }).Holds(200);
    }

    [Fact]
    public void What_belongs_to_something_else_is_refused()
    {
        LanguageModel model = Load("llama-gqa-llama3");
        AttentionPolicy policy = Policy("plan", model);
        int[] tokens = Tokens(model, 100);
        using SequenceCache caches = Fill(model, policy, ElementType.BF16, tokens, 200);
        string path = Save(model, policy, ElementType.BF16, caches, tokens);
        Refused(new SessionFiles(model, policy, ElementType.F32), "the rows have another format (read bf16, expected f32)");
        Refused(new SessionFiles(model, new DensePolicy()), "another policy chose the rows (read moa, expected dense)");
        Refused(new SessionFiles(model, new PlanPolicy(AttentionPlan.Uniform(2, 6, HeadKind.Query, new ElasticRule(0, 1)))), "policy moa has other spans");
        LanguageModel other = Load("gemma3");
        Refused(new SessionFiles(other, Policy("plan", other)), "the model has another fingerprint");

        string nothing = _folder.File("nothing.session");
        AssertOneLine(Assert.Throws<InvalidInputException>(() => new SessionFiles(model, policy).Load(nothing)), nothing);
        string weights = RepositoryFiles.Fixture("models", "gemma3", "model.safetensors");
        Assert.Contains("not a moa-session/1 file", Assert.Throws<InvalidInputException>(() => new SessionFiles(model, policy).Inspect(weights)).Message, StringComparison.Ordinal);

        using CacheSnapshot snapshot = caches.TakeSnapshot();
        _ = Assert.Throws<ArgumentException>(() => new SessionFiles(model, policy).Save(path, snapshot, tokens.AsMemory(1)));
        _ = Assert.Throws<ArgumentException>(() => new SessionFiles(model, new DensePolicy()).Save(path, snapshot, tokens));

        void Refused(SessionFiles files, string problem)
        {
            InvalidInputException refusal = Assert.Throws<InvalidInputException>(() => files.Load(path));
            AssertOneLine(refusal, path);
            Assert.Contains(problem, refusal.Message, StringComparison.Ordinal);
            Assert.Contains("remove the file", refusal.Message, StringComparison.Ordinal);
            Assert.Equal(refusal.Message, Assert.Throws<InvalidInputException>(() => files.Inspect(path)).Message);
        }
    }

    [Fact]
    public void Policies_by_attention_are_not_saved()
    {
        LanguageModel model = Load("llama-gqa-llama3");
        Assert.Null(SessionFiles.WhyNot(model, new DensePolicy()));
        Assert.Contains("h2o", SessionFiles.WhyNot(model, new H2oPolicy(new ElasticRule(0, 0.5))), StringComparison.Ordinal);
        _ = Assert.Throws<InvalidInputException>(() => new SessionFiles(model, new InfLlmPolicy(new ElasticRule(0, 0.5))));
    }

    public void Dispose()
    {
        foreach (LanguageModel model in _models.Values)
            model.Dispose();
        _backend.Dispose();
        _folder.Dispose();
    }

    private static void AssertOneLine(InvalidInputException refusal, string path)
    {
        Assert.StartsWith(path + ": ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    private static byte[] Damage(byte[] whole, int kind, int at, int count, Random random)
    {
        int end = Math.Min(whole.Length, at + count);
        byte[] bytes = [.. whole];
        switch (kind)
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                random.NextBytes(bytes.AsSpan(at..end));
                return bytes;
            case 2:
                bytes.AsSpan(at..end).Clear();
                return bytes;
            case 3:
                return whole[..at];
            case 4:
                return [.. whole[..at], .. whole[end..]];
            default:
                return [.. whole[..end], .. whole[at..]];
        }
    }

    // Heads and tokens as changed, with the checksums that docs/formats.md asks for.
    private static void Forge(string from, string to, string capacity, Action<int[]> change)
    {
        using SafetensorsFile file = SafetensorsFile.Open(from);
        int[] heads = Ints(file, "head.states"), tokens = Ints(file, "head.tokens"), numbers = [.. heads, .. tokens];
        change(numbers);
        Dictionary<string, string> metadata = new(file.Metadata) { ["capacity"] = capacity };
        _ = metadata.Remove("checksum");
        XxHash128 hash = new();
        foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            hash.Append(Encoding.UTF8.GetBytes($"{key}={value}\n"));
        hash.Append(MemoryMarshal.AsBytes(numbers.AsSpan()));
        metadata.Add("checksum", Convert.ToHexStringLower(hash.GetCurrentHash()));
        SafetensorsWriter.Write(to, metadata, (IEnumerable<(string, string, long[], ReadOnlyMemory<byte>)>)
        [
            ("head.states", "I32", [heads.Length / 4, 4], MemoryMarshal.AsBytes(numbers.AsSpan(0, heads.Length)).ToArray()),
            ("head.tokens", "I32", [tokens.Length], MemoryMarshal.AsBytes(numbers.AsSpan(heads.Length)).ToArray()),
            ("rows.keys", "BF16", file["rows.keys"].Shape, Bytes(file, "rows.keys").ToArray()),
            ("rows.values", "BF16", file["rows.values"].Shape, Bytes(file, "rows.values").ToArray()),
        ]);
    }

    private static int[] Ints(SafetensorsFile file, string name) => MemoryMarshal.Cast<byte, int>(Bytes(file, name)).ToArray();

    private static unsafe ReadOnlySpan<byte> Bytes(SafetensorsFile file, string name) => new(file[name].Data, (int)file[name].Length);

    private string Save(LanguageModel model, AttentionPolicy policy, ElementType type, SequenceCache caches, int[] tokens)
    {
        string path = _folder.File("saved.session");
        using CacheSnapshot snapshot = caches.TakeSnapshot();
        new SessionFiles(model, policy, type).Save(path, snapshot, tokens);
        return path;
    }

    private static SequenceCache Fill(LanguageModel model, AttentionPolicy policy, ElementType type, ReadOnlySpan<int> tokens, int capacity)
    {
        SequenceCache caches = model.Transformer.CreateSequence(policy, capacity, type);
        _ = ModelFixture.Run(model.Transformer, caches, tokens, 64, AttentionMode.Prefill);
        return caches;
    }

    private static AttentionPolicy Policy(string kind, LanguageModel model)
    {
        ElasticRule[] rules = [new(0, 1), new(128, 0), new(0, 0.5), new(-40, 1)];
        return kind switch
        {
            "dense" => new DensePolicy(),
            "fixed" => new StreamingLlmPolicy(new ElasticRule(128, 0)),
            _ => new PlanPolicy(new AttentionPlan(
                [.. Enumerable.Range(0, model.Config.Layers).Select(layer =>
                    Enumerable.Range(0, model.Config.QueryHeads).Select(head => rules[(layer + head) % rules.Length] with { Block = 16 }).ToArray())],
                HeadKind.Query)),
        };
    }

    private LanguageModel Load(string name)
    {
        if (!_models.TryGetValue(name, out LanguageModel? model))
            _models.Add(name, model = LanguageModel.Load(RepositoryFiles.Fixture("models", name), _backend));
        return model;
    }

    private static int[] Tokens(LanguageModel model, int count)
    {
        Random random = new(count);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(model.Config.VocabularySize))];
    }
}
