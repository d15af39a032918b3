using System.Globalization;
using System.Runtime.Intrinsics;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.KvCache;

/// <summary>
/// The KV caches of one sequence, one block per layer and KV head, allocated once to the sizes that the policy gives for
/// the sequence's capacity (prompt and new tokens together). A longer new turn may enlarge them. They belong to the model
/// whose <see cref="ModelConfig"/> they were made with, and serve one pass at a time.
/// </summary>
public sealed class SequenceCache : IDisposable
{
    private readonly UseGuard _use = new("The caches are", typeof(SequenceCache));
    private readonly ModelConfig _config;
    private readonly AttentionPolicy _policy;
    private readonly HeadCache[] _heads;
    private readonly QueryWindow[] _windows;
    private readonly BlockMemory[] _blocks = [];

    /// <summary>Allocates the caches.</summary>
    /// <param name="config">The model: the very configuration that it was loaded with.</param>
    /// <param name="policy">Which rows stay.</param>
    /// <param name="capacity">N: the most tokens that the sequence will hold, at least 1.</param>
    /// <param name="type">Format of the rows: BF16, F32 or Q8_0.</param>
    /// <param name="allocator">Where the memory is counted.</param>
    /// <exception cref="InvalidInputException">A head's rows do not fill whole blocks of the format.</exception>
    public SequenceCache(
        ModelConfig config, AttentionPolicy policy, int capacity, ElementType type, NativeAllocator allocator)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        CheckFormat(config, type);
        _config = config;
        _policy = policy;
        Capacity = capacity;
        Type = type;
        Spans = policy.Resolve(config, capacity);
        CheckMemory(Spans, capacity);
        Eviction = policy as EvictionPolicy;
        if (policy is InfLlmPolicy infLlm)
            _blocks = [.. Spans.Select(_ => new BlockMemory(infLlm, config.KeyValueHeads, config.HeadSize))];
        foreach (BlockMemory layer in _blocks)
            layer.Resize(capacity);
        _heads = new HeadCache[config.Layers * config.KeyValueHeads];
        _windows = new QueryWindow[Eviction?.ObservedQueries is null ? 0 : _heads.Length];
        for (int i = 0; i < _windows.Length; i++)
            _windows[i] = new QueryWindow(allocator, Eviction!.ObservedQueries!.Value, Group * config.HeadSize);
        for (int i = 0; i < _heads.Length; i++)
        {
            int ring = Spans[i / config.KeyValueHeads].StoredRing[i % config.KeyValueHeads];
            _heads[i] = new HeadCache(allocator, type, config.HeadSize, ring, Eviction is not null);
            _heads[i].Tokens?.Reserve(capacity);
        }
    }

    /// <summary>The most tokens that the sequence may hold: the N of its rules.</summary>
    public int Capacity { get; private set; }

    /// <summary>Tokens written so far.</summary>
    public int Length { get; private set; }

    /// <summary>Whether a pass that was cut off has overwritten rows, so that the sequence cannot go on.</summary>
    public bool IsCutOff { get; private set; }

    /// <summary>Format of the rows.</summary>
    public ElementType Type { get; }

    /// <summary>What each layer keeps and sees.</summary>
    internal LayerSpans[] Spans { get; private set; }

    /// <summary>Counts what changed the caches, so that work prepared before a change is told apart.</summary>
    internal int Version { get; private set; }

    /// <summary>The policy, if it evicts rows by their scores.</summary>
    internal EvictionPolicy? Eviction { get; }

    internal int Layers => _config.Layers;

    private int Group => _config.QueryHeads / _config.KeyValueHeads;

    /// <summary>
    /// Bytes of all key and value rows. Policies that evict by scores free rows at the first step after a prompt.
    /// </summary>
    public long Bytes => _heads.Sum(head => head.Bytes);

    /// <summary>Bytes of one row, key and value together.</summary>
    public long BytesPerRow => 2 * Type.RowBytes(_config.HeadSize);

    /// <summary>
    /// Bytes that <see cref="SequenceCache(ModelConfig, AttentionPolicy, int, ElementType, NativeAllocator)"/> would
    /// allocate, without doing so.
    /// </summary>
    public static long EstimateBytes(ModelConfig config, AttentionPolicy policy, int capacity, ElementType type)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(policy);
        CheckFormat(config, type);
        return policy.Resolve(config, capacity).Sum(layer => layer.StoredRows) * 2 * type.RowBytes(config.HeadSize);
    }

    /// <summary>
    /// Rows of keys, and as many of values, that the last generated token attended to, its own included: those of all layers and
    /// KV heads.
    /// </summary>
    public long RowsAttended() => Enumerable.Range(0, Layers).Sum(RowsAttended);

    private long RowsAttended(int layer)
    {
        BlockMemory? blocks = Blocks(layer);
        long rows = 0;
        for (int i = 0; i < _config.KeyValueHeads; i++)
        {
            int length = Start(layer, i), sinkEnd = Math.Min(length, ElasticRule.SinkTokens);
            int inWindow = (int)Math.Max(0, (long)length - Spans[layer].SlidingWindow);
            int oldest = Math.Max(Math.Max(Head(layer, i).OldestInRing(length), inWindow), blocks?.RecentStart ?? 0);
            rows += Math.Max(0, sinkEnd - inWindow) + (blocks?.ChosenCount ?? 0) * ElasticRule.BlockSize + Math.Max(0, length - oldest);
        }

        return rows;
    }

    /// <summary>
    /// Raises the capacity, for another turn of a conversation. Rings grow to their rules' sizes at the new length; what
    /// was evicted before stays lost, and nothing ever shrinks.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The caches were disposed.</exception>
    /// <exception cref="InvalidOperationException">A pass is using the caches.</exception>
    public void Extend(int capacity)
    {
        using UseGuard.Use use = _use.TakeAlone();
        if (capacity <= Capacity)
            return;
        Version++;
        // Heads grow first: should memory run out midway, larger rings under the old spans are still right.
        LayerSpans[] spans = _policy.Resolve(_config, capacity);
        CheckMemory(spans, capacity);
        for (int i = 0; i < _heads.Length; i++)
        {
            if (_heads[i].Tokens is HeldTokens tokens)
                MakeRoom(_heads[i], tokens.Count + capacity - Length);
            else
                _heads[i].Grow(spans[i / _config.KeyValueHeads].StoredRing[i % _config.KeyValueHeads], Length);
        }

        foreach (BlockMemory layer in _blocks)
            layer.Resize(capacity);
        Spans = spans;
        Capacity = capacity;
    }

    /// <summary>
    /// Fills empty caches with random rows, as if that many tokens had been read: a decode step then does the work that it
    /// would do after a real prefill, whose time is saved. For measurements of speed and memory.
    /// </summary>
    /// <param name="length">Tokens, up to <see cref="Capacity"/>; each row that stays is written at its true position.</param>
    /// <param name="seed">The same seed gives the same rows: uniform, mean 0, standard deviation 1.</param>
    /// <exception cref="InvalidOperationException">The caches hold tokens already.</exception>
    public unsafe void FillRandom(int length, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Capacity);
        using UseGuard.Use use = _use.TakeAlone();
        if (Length > 0)
            throw new InvalidOperationException($"The caches hold {Length} tokens already.");
        // Rows are windows of one pool: numbers for each would take longer to draw than to store. The odd stride meets every
        // place before it comes back to the first.
        const int Places = 1 << 14, Stride = 4099;
        float[] pool = new float[Places + 2 * _config.HeadSize];
        Random random = new((int)(seed ^ (seed >> 32)));
        for (int i = 0; i < pool.Length; i++)
            pool[i] = (2 * random.NextSingle() - 1) * MathF.Sqrt(3);
        fixed (float* numbers = pool)
        {
            foreach (HeadCache head in _heads)
            {
                int first = random.Next(Places);
                int oldest = head.OldestInRing(length);
                for (int position = 0; position < length; position++)
                {
                    if (position == ElasticRule.SinkTokens)
                        position = Math.Max(position, oldest);
                    if (position >= length)
                        break;
                    float* key = numbers + (first + (uint)position * Stride) % Places;
                    head.Write<Simd128, Vector128<float>>(position, key, key + _config.HeadSize);
                }

                head.Tokens?.Append(0, length);
            }
        }

        Length = length;
        Version++;
    }

    /// <summary>Waits for a pass that uses the caches, and frees them.</summary>
    public void Dispose()
    {
        if (!_use.Close())
            return;
        foreach (HeadCache head in _heads)
            head.Dispose();
        foreach (QueryWindow window in _windows)
            window.Dispose();
    }

    /// <summary>Refuses caches that a pass over a model cannot use.</summary>
    /// <exception cref="ObjectDisposedException">They were disposed.</exception>
    /// <exception cref="ArgumentException">They were made for another model.</exception>
    /// <exception cref="InvalidOperationException">A pass that was cut off has overwritten rows.</exception>
    internal void CheckFor(ModelConfig config)
    {
        _use.ThrowIfDisposed();
        if (!ReferenceEquals(config, _config))
            throw new ArgumentException("The caches were made for another model; let the model that reads them create them.");
        if (IsCutOff)
            throw new InvalidOperationException("A pass that was cut off has overwritten rows of these caches; make new ones.");
    }

    /// <summary>Takes the caches for one pass, until <see cref="Exit"/>.</summary>
    /// <exception cref="ObjectDisposedException">They were disposed.</exception>
    /// <exception cref="InvalidOperationException">Another pass uses them.</exception>
    internal void Enter() => _use.TakeAlone();

    internal void Exit() => _use.Release();

    /// <summary>Counts tokens whose rows a pass has written.</summary>
    internal void Advance(int tokens)
    {
        Length += tokens;
        Version++;
    }

    /// <summary>A pass over the next tokens has not come to its end.</summary>
    internal void CutOff(int tokens) => IsCutOff |= !CanDrop(tokens);

    /// <summary>
    /// Whether a pass over the next tokens could be cut off and made again: none of them takes the place of an older row, and
    /// nothing else is remembered of them.
    /// </summary>
    internal bool CanDrop(int tokens)
    {
        if (Eviction is not null || _blocks.Length > 0)
            return false;
        foreach (HeadCache head in _heads)
        {
            if (Length + tokens > head.Rows)
                return false;
        }

        return true;
    }

    internal HeadCache Head(int layer, int keyValueHead) => _heads[layer * _config.KeyValueHeads + keyValueHead];

    /// <summary>The last queries of the prompt of a head's group; only for policies that observe such a window.</summary>
    internal QueryWindow Window(int layer, int keyValueHead) => _windows[layer * _config.KeyValueHeads + keyValueHead];

    /// <summary>The blocks of a layer; null if steps attend to all rows that are held.</summary>
    internal BlockMemory? Blocks(int layer) => _blocks.Length == 0 ? null : _blocks[layer];

    /// <summary>
    /// Where a head counts the next token: its position, or the number of rows held where rows are evicted by score.
    /// </summary>
    internal int Start(int layer, int keyValueHead) => Head(layer, keyValueHead).Tokens?.Count ?? Length;

    // What the machine can never hold is refused before it is written to: systems promise more memory than they have.
    private void CheckMemory(LayerSpans[] spans, int capacity)
    {
        long bytes = spans.Sum(layer => layer.StoredRows) * BytesPerRow, available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (bytes > available)
        {
            throw new InvalidInputException(string.Create(CultureInfo.InvariantCulture,
                $"KV caches for {capacity} tokens take {bytes / (double)(1 << 30):F1} GiB, more than the {available / (double)(1 << 30):F1} GiB " +
                $"of this machine; ask for fewer new tokens, a smaller format of the caches, or a plan that keeps less"));
        }
    }

    private static void MakeRoom(HeadCache head, int rows)
    {
        if (rows > head.Rows)
            head.Keep([.. Enumerable.Range(0, head.Tokens!.Count)], rows);
        head.Tokens!.Reserve(rows);
    }

    private static void CheckFormat(ModelConfig config, ElementType type)
    {
        if (type is not (ElementType.BF16 or ElementType.F32 or ElementType.Q8_0))
            throw new ArgumentOutOfRangeException(nameof(type), type, "KV rows are BF16, F32 or Q8_0.");
        if (config.HeadSize % type.ElementsPerBlock() != 0)
        {
            throw new InvalidInputException(
                $"KV rows in {type.Name()}: the model's heads have {config.HeadSize} elements, expected a multiple of " +
                $"{type.ElementsPerBlock()}; use bf16 or f32");
        }
    }
}
