using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Kernels;

/// <summary>
/// One layer's attention without a model around it: given rows go through a backend's kernels and a real cache, in
/// prefill chunks and decode steps, position after position.
/// </summary>
internal sealed unsafe class AttentionLayer : IDisposable
{
    private readonly ComputeBackend _backend;
    private readonly HeadRows _rows;
    private readonly AttentionWork _work;
    private readonly AttentionTraits _traits;

    public AttentionLayer(
        ComputeBackend backend, HeadRows rows, AttentionPolicy policy, int capacity,
        ElementType type = ElementType.F32, int? window = null, AttentionTraits traits = default)
    {
        _backend = backend;
        _traits = traits;
        _rows = rows;
        ModelConfig config = Config(rows.QueryHeads, rows.KeyValueHeads, rows.HeadSize, window);
        Cache = new SequenceCache(config, policy, capacity, type, backend.Allocator);
        _work = new AttentionWork(config);
        Outputs = new float[rows.Queries.Length];
        // Every bit set is not a number in either format: a row that is read before it is written shows in the outputs.
        for (int head = 0; head < rows.KeyValueHeads; head++)
            new Span<byte>(Cache.Head(0, head).Keys, (int)Cache.Head(0, head).Bytes).Fill(0xFF);
    }

    public SequenceCache Cache { get; }

    /// <summary>Told after each piece of a prompt what was attended to, and which position it started at.</summary>
    public Action<AttentionWork, int>? Attended { get; init; }

    /// <summary>The kind of the token at each position, for policies that go by it.</summary>
    public IReadOnlyList<TokenKind> Kinds { get; init; } = [];

    /// <summary>[positions, queryHeads·size], filled up to the cache's length.</summary>
    public float[] Outputs { get; }

    public static ModelConfig Config(
        int queryHeads, int keyValueHeads, int headSize, int? window = null, int layers = 1) => new()
        {
            Architecture = ModelFamily.Named("Llama"),
            HiddenSize = queryHeads * headSize,
            LayerDescriptions = [.. Enumerable.Repeat(
                new LayerDescription
                {
                    Window = window,
                    Rope = new RopeSettings(10_000, new RopeScaling.None()),
                    FeedForward = new FeedForwardDescription { IntermediateSize = 1 },
                },
                layers)],
            QueryHeads = queryHeads,
            KeyValueHeads = keyValueHeads,
            HeadSize = headSize,
            VocabularySize = 1,
            MaxPositions = 1,
            RmsNormEpsilon = 1e-5,
        };

    /// <summary>One rule per query (or KV) head: its ring has the given blocks at any capacity that holds them.</summary>
    public static PlanPolicy Rings(IReadOnlyList<int> ringBlocks, HeadKind kind = HeadKind.Query, int block = 64) =>
        new(new AttentionPlan([[.. ringBlocks.Select(blocks => new ElasticRule(block * (blocks + 1), 0) { Block = block })]], kind));

    /// <summary>Appends the next <paramref name="count"/> positions as pieces of a prompt.</summary>
    public void Prefill(int count, int chunk)
    {
        for (int done = 0, piece; done < count; done += piece)
        {
            piece = Cache.NextTokens(count - done, chunk);
            Append(piece, AttentionMode.Prefill, toCome: count - done - piece);
        }
    }

    /// <summary>Appends the next positions one by one as generated tokens.</summary>
    public void Decode(int steps)
    {
        for (int i = 0; i < steps; i++)
            Append(1, AttentionMode.Decode);
    }

    /// <summary>
    /// Appends the next positions as generated tokens, several in a step: the first, drafts that turn out right, and drafts that turn
    /// out wrong, whose rows are others than the position's and which are taken back.
    /// </summary>
    public void Draft(int right, int wrong)
    {
        Append(1 + right, AttentionMode.Decode, wrong);
        Cache.TakeBack(wrong, right + wrong);
    }

    /// <summary>Reads some of the positions once more behind a copy of what is cached, to score a part of it.</summary>
    public void Repeat(RepeatedPart part, int first, int count, int chunk)
    {
        using SequenceCache copy = Cache.CopyToRead(count, part);
        int queryWidth = _rows.QueryHeads * _rows.HeadSize, keyWidth = _rows.KeyValueHeads * _rows.HeadSize;
        for (int done = 0, rows; done < count; done += rows)
        {
            rows = Math.Min(chunk, count - done);
            using Tensor queries = Copy(_rows.Queries, first + done, rows, queryWidth, 0);
            using Tensor keys = Copy(_rows.Keys, first + done, rows, keyWidth, 0);
            using Tensor values = Copy(_rows.Values, first + done, rows, keyWidth, 0);
            using Tensor outputs = _backend.Allocate(rows, queryWidth);
            _work.Clear();
            _work.Add(copy, rows, AttentionMode.Prefill);
            _backend.Attend(_work, 0, queries, keys, values, outputs, _traits);
            copy.Advance(rows);
        }
    }

    public void Dispose() => Cache.Dispose();

    public void Append(int count, AttentionMode mode, int wrong = 0, int toCome = 0)
    {
        int start = Cache.Length;
        int queryWidth = _rows.QueryHeads * _rows.HeadSize, keyWidth = _rows.KeyValueHeads * _rows.HeadSize;
        using Tensor queries = Copy(_rows.Queries, start, count, queryWidth, wrong);
        using Tensor keys = Copy(_rows.Keys, start, count, keyWidth, wrong);
        using Tensor values = Copy(_rows.Values, start, count, keyWidth, wrong);
        using Tensor outputs = _backend.Allocate(count + wrong, queryWidth);
        new Span<float>(outputs.Data, (count + wrong) * queryWidth).Fill(float.NaN);
        if (Cache.GoesByKind)
            Cache.Kinds.Note(start, [.. Kinds.Skip(start).Take(count).Select(kind => (int)kind)], [TokenKind.Plain, TokenKind.Special, TokenKind.Punctuation]);
        _work.Clear();
        _work.Add(Cache, count + wrong, mode, toCome);
        _backend.Attend(_work, 0, queries, keys, values, outputs, _traits);
        Attended?.Invoke(_work, start);
        Cache.Advance(count + wrong);
        _backend.Read(outputs, count).CopyTo(Outputs.AsSpan(start * queryWidth));
    }

    // Wrong rows are numbers that would show.
    private Tensor Copy(float[] from, int start, int count, int width, int wrong)
    {
        Tensor tensor = _backend.Allocate(count + wrong, width);
        new Span<float>(tensor.Data, (count + wrong) * width).Fill(40);
        from.AsSpan(start * width, count * width).CopyTo(new Span<float>(tensor.Data, count * width));
        return tensor;
    }
}
