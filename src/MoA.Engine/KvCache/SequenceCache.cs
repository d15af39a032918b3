using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.KvCache;

/// <summary>
/// The KV caches of one sequence, one block per layer and KV head, allocated once to the sizes that the policy gives for
/// the sequence's capacity (prompt and new tokens together). A longer new turn may enlarge them. They belong to the model
/// whose <see cref="ModelConfig"/> they were made with, and serve one pass at a time.
/// </summary>
internal sealed partial class SequenceCache : IDisposable
{
    private readonly UseGuard _use = new("The caches are", typeof(SequenceCache));
    private readonly ModelConfig _config;
    private readonly AttentionPolicy _policy;
    private readonly ICacheMemory _memory;
    private readonly RowsShape _shape;
    private readonly bool[] _isBounded;
    private readonly AttentionNotes _notes;
    private readonly HeadTurn?[] _turns;

    /// <summary>Allocates the caches.</summary>
    /// <param name="config">The model: the very configuration that it was loaded with.</param>
    /// <param name="policy">Which rows stay.</param>
    /// <param name="capacity">N: the most tokens that the sequence will hold, at least 1.</param>
    /// <param name="type">Format of the rows: BF16, F32 or Q8_0.</param>
    /// <param name="allocator">Where the memory is counted.</param>
    /// <exception cref="InvalidInputException">A head's rows do not fill whole blocks of the format.</exception>
    public SequenceCache(
        ModelConfig config, AttentionPolicy policy, int capacity, ElementType type, NativeAllocator allocator)
        : this(config, policy, capacity, type, new HostCacheMemory(allocator ?? throw new ArgumentNullException(nameof(allocator))))
    {
    }

    /// <summary>Allocates the caches in a device's memory.</summary>
    internal SequenceCache(ModelConfig config, AttentionPolicy policy, int capacity, ElementType type, ICacheMemory memory)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        CheckFormat(config, type);
        _config = config;
        _policy = policy;
        _memory = memory;
        Capacity = capacity;
        policy.Prefill?.Check(config);
        if (policy.Prefill is not null && memory is not HostCacheMemory)
            throw new InvalidInputException($"policy {policy.FullName}: the device has no kernels for {policy.Prefill.Name}; use --device cpu");
        Spans = policy.Resolve(config, capacity);
        _isBounded = BoundedLayers(config);
        _turns = new HeadTurn?[config.Layers];
        RowChoice choice = policy switch
        {
            EvictionPolicy => RowChoice.EvictedByContent,
            InfLlmPolicy => RowChoice.ChosenByContent,
            _ => RowChoice.ByPosition,
        };
        _shape = new RowsShape(type, config.KeyValueHeads, config.HeadSize, choice);
        HeadLayout[] layouts = [.. Spans.SelectMany(layer => layer.Stored)];
        memory.CheckRoom(memory.BytesOf(_shape, layouts), capacity, _shape);
        Rows = memory.Create(_shape, layouts);
        _notes = new AttentionNotes(config, policy, capacity, memory.Allocator);
        for (int i = 0; i < layouts.Length; i++)
        {
            if (EvictionOf(i / config.KeyValueHeads) is not null)
                Host(i).NoteTokens(layouts[i].Rows);
        }
    }

    /// <summary>The most tokens that the sequence may hold: the N of its rules.</summary>
    public int Capacity { get; private set; }

    /// <summary>Tokens written so far.</summary>
    public int Length { get; private set; }

    /// <summary>Whether a pass that was cut off has overwritten rows, so that the sequence cannot go on.</summary>
    public bool IsCutOff { get; private set; }

    /// <summary>Format of the rows.</summary>
    public ElementType Type => _shape.Type;

    /// <summary>The rows, on the device.</summary>
    internal SequenceRows Rows { get; }

    /// <summary>What each layer keeps and sees.</summary>
    internal LayerSpans[] Spans { get; private set; }

    /// <summary>Counts what changed the caches, so that work prepared before a change is told apart.</summary>
    internal int Version { get; private set; }

    /// <summary>Counts what changed where rows stand, so that tables of these places are made anew.</summary>
    internal int LayoutVersion { get; private set; }

    /// <summary>The policy, if it evicts rows by their scores.</summary>
    internal EvictionPolicy? Eviction => _policy as EvictionPolicy;

    /// <summary>What the queries of prompts see, if not all that they may; a second reading sees all.</summary>
    internal PrefillPolicy? Prefill => Repeated is null ? _policy.Prefill : null;

    /// <summary>Whether rows are evicted or chosen by the attention that they got.</summary>
    internal bool GoesByAttention => _shape.Choice != RowChoice.ByPosition;

    internal int Layers => _config.Layers;

    internal int KeyValueHeads => _config.KeyValueHeads;

    /// <summary>
    /// Bytes of all key and value rows, those included that drafts put aside where rings turn. Policies that evict by scores free rows at the first step after a prompt.
    /// </summary>
    public long Bytes => Rows.Bytes;

    /// <summary>Bytes of rows, and of the queries that policies which evict by scores note while a prompt is read.</summary>
    public long AllocatedBytes => Rows.Bytes + _notes.Bytes;

    /// <summary>The most that <see cref="AllocatedBytes"/> has been, and the copies that the prompt was read a second time behind with it.</summary>
    public long PeakBytes { get; private set; }

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
            int length = Start(layer, i), sinkEnd = Math.Min(length, Ring(layer, i).Layout.Sink);
            int inWindow = (int)Math.Max(0, (long)length - Spans[layer].SlidingWindow);
            int oldest = Math.Max(Math.Max(Ring(layer, i).OldestInRing(length), inWindow), blocks?.RecentStart ?? 0);
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
        // Even at the same capacity, the next prompt needs room where every step kept to a budget.
        if (capacity <= Capacity && Eviction is null)
            return;
        capacity = Math.Max(capacity, Capacity);
        Version++;
        LayoutVersion++;
        // Heads grow first: should memory run out midway, larger rings under the old spans are still right.
        LayerSpans[] spans = _policy.Resolve(_config, capacity);
        HeadLayout[] layouts = LayoutsAt(capacity);
        _memory.CheckRoom(_memory.BytesOf(_shape, layouts), capacity, _shape);
        if (Eviction is null)
            Rows.Grow(layouts, Length);
        for (int i = 0; i < layouts.Length && Eviction is not null; i++)
        {
            if (Host(i).Tokens is not null)
                Host(i).MakeRoom(layouts[i].Rows);
            else
                Host(i).Grow(layouts[i], Length);
        }

        _notes.Resize(capacity);
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
    public void FillRandom(int length, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Capacity);
        using UseGuard.Use use = _use.TakeAlone();
        if (Length > 0)
            throw new InvalidOperationException($"The caches hold {Length} tokens already.");
        Rows.FillRandom(length, seed);
        Length = length;
        Version++;
    }

    /// <summary>Waits for a pass that uses the caches, and frees them.</summary>
    public void Dispose()
    {
        if (!_use.Close())
            return;
        Rows.Dispose();
        _notes.Dispose();
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
        ThrowIfCutOff();
    }

    /// <summary>Takes the caches for one pass, until <see cref="Exit"/>.</summary>
    /// <exception cref="ObjectDisposedException">They were disposed.</exception>
    /// <exception cref="InvalidOperationException">Another pass uses them.</exception>
    internal void Enter() => _use.TakeAlone();

    internal void Exit() => _use.Release();

    /// <summary>
    /// Under a prefill policy, the first tokens that any longer text with the same beginning would have been read as; 0 without one.
    /// </summary>
    internal int ReadAfresh { get; private set; }

    /// <summary>Pairs of a prompt's row and a key that a prefill policy let see each other, over all heads of its layers.</summary>
    internal long PairsSeen { get; private set; }

    /// <summary>Pairs that would have seen each other without it.</summary>
    internal long PairsInAll { get; private set; }

    /// <summary>How many of a prompt's next tokens can be read in one pass; 0 where they are too many to be read together.</summary>
    /// <param name="left">Tokens of the prompt that are to come.</param>
    /// <param name="most">Tokens that fit.</param>
    internal int NextTokens(int left, int most) => Prefill?.NextTokens(Length, left, most) ?? Math.Min(Math.Min(left, most), BeforeEviction);

    /// <summary>How many of a prompt's next tokens can be read until rows are evicted.</summary>
    internal int BeforeEviction => Eviction?.Chunk is int chunk ? chunk - Length % chunk : int.MaxValue;

    /// <summary>Counts pairs.</summary>
    internal void CountPairs(long seen, long all)
    {
        PairsSeen += seen;
        PairsInAll += all;
    }

    /// <summary>Counts tokens whose rows a pass has written.</summary>
    internal void Advance(int tokens)
    {
        Length += tokens;
        Version++;
        NotePeak();
    }

    /// <summary>Takes what is allocated now into <see cref="PeakBytes"/>; to be called before something is freed within a pass.</summary>
    /// <param name="besides">Bytes of a copy.</param>
    internal void NotePeak(long besides = 0) => PeakBytes = Math.Max(PeakBytes, AllocatedBytes + besides);

    /// <summary>
    /// Whether generated tokens can be taken back: positions alone decide which rows stay, and these are in the processor's memory.
    /// </summary>
    internal bool CanTakeBack => !GoesByAttention && Rows is HostRows;

    /// <summary>Makes room for what so many generated tokens replace, in the heads where they do.</summary>
    internal void ReserveAside(int tokens)
    {
        for (int i = 0; i < Rows.Heads.Length && tokens > 0; i++)
        {
            if (Host(i).Replaces(Length + tokens))
                Host(i).ReserveAside(tokens);
        }
    }

    /// <summary>Takes back the last of the generated tokens of the pass that was last; not the first of them.</summary>
    /// <param name="tokens">How many.</param>
    /// <param name="drafted">Those of the pass besides the first.</param>
    internal void TakeBack(int tokens, int drafted)
    {
        if (tokens == 0)
            return;
        using UseGuard.Use use = _use.TakeAlone();
        for (int i = 0; i < Rows.Heads.Length; i++)
        {
            for (int token = 1; token <= tokens; token++)
                Host(i).TakeBack(Length - token, drafted - token);
        }

        Length -= tokens;
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
        if (GoesByAttention)
            return false;
        foreach (HeadRing head in Rows.Heads)
        {
            if (Length + tokens > head.Rows)
                return false;
        }

        return true;
    }

    /// <summary>Where a head's tokens stand among its rows.</summary>
    internal HeadRing Ring(int layer, int keyValueHead) => Rows.Heads[layer * _config.KeyValueHeads + keyValueHead];

    /// <summary>A head's rows, which are in the processor's memory.</summary>
    internal HeadCache Head(int layer, int keyValueHead) => Host(layer * _config.KeyValueHeads + keyValueHead);

    /// <summary>The last queries of the prompt of a head's group; only where <see cref="EvictionOf"/> observes such a window.</summary>
    internal QueryWindow Window(int layer, int keyValueHead) => _notes.Window(layer * _config.KeyValueHeads + keyValueHead)!;

    /// <summary>The prompt's queries of a head's group; only where <see cref="EvictionOf"/> goes by their statistics.</summary>
    internal QueryStatistics Statistics(int layer, int keyValueHead) => _notes.Statistics(layer * _config.KeyValueHeads + keyValueHead)!;

    /// <summary>Whether the policy goes by the kinds of tokens.</summary>
    internal bool GoesByKind => _notes.Kinds is not null;

    /// <summary>The kinds of the tokens; only where the policy goes by them.</summary>
    internal TextKinds Kinds => _notes.Kinds!;

    /// <summary>What a head keeps; only under policies that say so for each head.</summary>
    internal ChosenStrategy StrategyOf(int layer, int keyValueHead) => _notes.Strategy(layer * _config.KeyValueHeads + keyValueHead)!;

    /// <summary>How a layer's queries and keys are turned.</summary>
    internal HeadTurn TurnOf(int layer) =>
        _turns[layer] is HeadTurn turn && turn.Length == TurnedFor ? turn : _turns[layer] = new HeadTurn(_config, layer, TurnedFor);

    /// <summary>Tokens of the text by which its queries and keys are turned, on which frequencies may depend.</summary>
    internal int TurnedFor => Repeated?.Sequence.Capacity ?? Capacity;

    /// <summary>What the caches are read for, if they are a copy for a second reading.</summary>
    internal RepeatedPart? Repeated { get; private init; }

    /// <summary>Whether the prompt is to be read a second time before a token is generated.</summary>
    internal bool AwaitsSecondReading => _notes.TokensRead is { Count: > 0 };

    /// <summary>The tokens of the prompt, where it is to be read a second time.</summary>
    internal IReadOnlyList<int> TokensRead => _notes.TokensRead ?? [];

    /// <summary>The layers whose rows are evicted by their scores.</summary>
    internal int[] EvictingLayers => [.. Enumerable.Range(0, Layers).Where(layer => EvictionOf(layer) is not null)];

    /// <summary>Counts tokens of a prompt whose rows a pass has written, and keeps them where they are to be read a second time.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="toCome">Tokens of the prompt that follow them.</param>
    internal void Advance(ReadOnlySpan<int> tokens, int toCome = 0)
    {
        if (ReadAfresh == Length && Prefill is { } prefill)
            ReadAfresh = Math.Max(ReadAfresh, prefill.ReadAfresh(Length + tokens.Length, toCome));
        if (Repeated is null)
            _notes.TokensRead?.AddRange(tokens);
        Advance(tokens.Length);
    }

    /// <summary>The prompt has been read a second time.</summary>
    internal void EndSecondReading() => _notes.TokensRead?.Clear();

    /// <summary>The policy that evicts a layer's rows by their scores; null if there is none, or the layer has a window of its own.</summary>
    internal EvictionPolicy? EvictionOf(int layer) => _isBounded[layer] ? null : Eviction;

    /// <summary>Where a layer stands among those that evict, and how many these are.</summary>
    internal (int Index, int Count) Evicting(int layer)
    {
        int index = 0, count = 0;
        for (int other = 0; other < Layers; other++)
        {
            index += other < layer && EvictionOf(other) is not null ? 1 : 0;
            count += EvictionOf(other) is not null ? 1 : 0;
        }

        return (index, count);
    }

    /// <summary>The blocks of a layer; null if steps attend to all rows that are held.</summary>
    internal BlockMemory? Blocks(int layer) => _notes.Blocks(layer);

    /// <summary>
    /// Where a head counts the next token: its position, or the number of rows held where rows are evicted by score.
    /// </summary>
    internal int Start(int layer, int keyValueHead) => EvictionOf(layer) is null ? Length : Head(layer, keyValueHead).Tokens!.Count;

    private HeadCache Host(int index) => ((HostRows)Rows).Head(index);

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
