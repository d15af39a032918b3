using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.KvCache;

// Copies of caches, caches that go back, and what all of it takes.
internal sealed partial class SequenceCache
{
    /// <summary>Makes caches of what others hold.</summary>
    internal SequenceCache(CacheContent content, int capacity)
        : this(content, capacity, null)
    {
    }

    // A copy for a second reading turns as the original does, however many tokens follow.
    private SequenceCache(CacheContent content, int capacity, RepeatedPart? repeated)
    {
        Repeated = repeated;
        if (repeated is null)
            Check(content, capacity);
        _config = content.Config;
        _policy = content.Policy;
        _memory = content.Memory;
        _shape = content.Shape;
        _isBounded = BoundedLayers(_config);
        _turns = new HeadTurn?[_config.Layers];
        Capacity = content.CapacityFor(capacity);
        Length = content.Length;
        ReadAfresh = Math.Min(content.ReadAfresh, Length);
        Spans = _policy.Resolve(_config, Capacity);
        RingState[] heads = content.HeadsAt(Capacity, Spans);
        HeadLayout[] layouts = [.. heads.Select(head => head.Layout)];
        _memory.CheckRoom(_memory.BytesOf(_shape, layouts), Capacity, _shape);
        Rows = _memory.Create(_shape, layouts);
        try
        {
            Rows.CopyFrom(content.Rows, heads, Length);
            for (int i = 0; i < heads.Length && Eviction is not null; i++)
                Host(i).Tokens?.Reserve(heads[i].Layout.Rows);
            _notes = content.Notes.Copy();
            _notes.Resize(Capacity);
        }
        catch
        {
            Rows.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The most bytes that caches take at any time while they have this capacity, drafts not counted: policies that evict by scores note queries
    /// besides, and hold two copies of a layer's rows while they choose among them; those that read a prompt twice hold a copy of all rows meanwhile.
    /// </summary>
    /// <inheritdoc cref="EstimateBytes"/>
    public static long EstimatePeakBytes(ModelConfig config, AttentionPolicy policy, int capacity, ElementType type)
    {
        long bytes = EstimateBytes(config, policy, capacity, type);
        if (policy is not EvictionPolicy eviction)
            return bytes;
        long most = Enumerable.Range(0, config.Layers).Max(layer => Enumerable.Range(0, config.KeyValueHeads).Sum(
            head => eviction.Chunk is null ? ElasticRule.Dense.Rows(capacity) + 1L : eviction.RowsOf(layer, head, config.KeyValueHeads, capacity)));
        long layer = 2 * type.RowBytes(config.HeadSize) * most;
        bytes += AttentionNotes.MostBytes(config, policy, capacity);
        if (eviction.Scorer is not RepetitionScorer repetition)
            return bytes + layer;
        long repeated = (long)config.UnboundedLayers.Count * config.KeyValueHeads * (Math.Min(repetition.Chunk, capacity) + RepetitionPrompt.MostTokens);
        return bytes + Math.Max(layer, EstimateBytes(config, policy, capacity, type) + 2 * type.RowBytes(config.HeadSize) * repeated);
    }

    /// <summary>The most that <see cref="AllocatedBytes"/> is at one time while <see cref="Extend"/> makes room.</summary>
    /// <param name="capacity">The new capacity.</param>
    public long ExtendPeakBytes(int capacity)
    {
        using UseGuard.Use use = _use.TakeAlone();
        return Rows.PeakOfGrowing(LayoutsAt(capacity)) + _notes.Bytes;
    }

    /// <summary><see cref="AllocatedBytes"/> after <see cref="Extend"/>.</summary>
    /// <param name="capacity">The new capacity.</param>
    public long ExtendedBytes(int capacity)
    {
        using UseGuard.Use use = _use.TakeAlone();
        return _memory.BytesOf(_shape, LayoutsAt(capacity)) + AllocatedBytes - _memory.BytesOf(_shape, [.. States.Select(head => head.Layout)]);
    }

    /// <summary>
    /// Whether the caches still hold all that they held when there were only so many tokens: always under dense attention, and in rings until a row
    /// takes another's place. Never under policies that go by attention.
    /// </summary>
    /// <param name="length">Tokens, from 0 to <see cref="Length"/>.</param>
    public bool CanRewind(int length)
    {
        using UseGuard.Use use = _use.TakeAlone();
        return !IsCutOff && Content.CanRewind(length);
    }

    /// <summary>Forgets all but the first tokens.</summary>
    /// <param name="length">Tokens that stay.</param>
    /// <exception cref="InvalidOperationException">Not all is held any more that was at that length (<see cref="CanRewind"/>), or a pass is using the
    /// caches.</exception>
    /// <exception cref="ObjectDisposedException">The caches were disposed.</exception>
    public void Rewind(int length)
    {
        using UseGuard.Use use = _use.TakeAlone();
        ThrowIfCutOff();
        _ = Content.At(length);
        if (length == Length)
            return;
        foreach (HeadRing head in Rows.Heads)
            head.Rewind(length);
        Length = length;
        ReadAfresh = Math.Min(ReadAfresh, length);
        Version++;
        LayoutVersion++;
    }

    /// <inheritdoc cref="CacheContent.Landing"/>
    public int Landing(int length) => Content.Landing(length);

    /// <summary>Bytes that <see cref="TakeSnapshot"/> takes.</summary>
    /// <inheritdoc cref="TakeSnapshot"/>
    public long SnapshotBytes(int? length = null)
    {
        using UseGuard.Use use = _use.TakeAlone();
        CacheContent content = ContentAt(length);
        return _memory.BytesOf(_shape, content.PackedLayouts()) + _notes.Bytes;
    }

    /// <summary>Copies what the caches hold, without room for more.</summary>
    /// <param name="length">The first tokens, at least 1; null for all.</param>
    /// <exception cref="InvalidInputException">The memory can never hold it.</exception>
    /// <exception cref="InvalidOperationException">Not all is held any more that was at that length (<see cref="CanRewind"/>), there are no tokens, or a
    /// pass is using the caches.</exception>
    /// <exception cref="ObjectDisposedException">The caches were disposed.</exception>
    public CacheSnapshot TakeSnapshot(int? length = null)
    {
        using UseGuard.Use use = _use.TakeAlone();
        return CacheSnapshot.CopyOf(ContentAt(length));
    }

    /// <summary>Bytes that <see cref="Fork"/> takes.</summary>
    /// <inheritdoc cref="Fork"/>
    public long ForkBytes(int capacity, int? length = null)
    {
        using UseGuard.Use use = _use.TakeAlone();
        return BytesOf(ContentAt(length), capacity);
    }

    /// <summary>Makes other caches that go on from here, as <see cref="CacheSnapshot.Restore"/> would from a snapshot.</summary>
    /// <param name="capacity">The most tokens that they are to hold.</param>
    /// <param name="length">The first tokens, at least 1; null for all.</param>
    /// <inheritdoc cref="CacheSnapshot.Restore"/>
    public SequenceCache Fork(int capacity, int? length = null)
    {
        using UseGuard.Use use = _use.TakeAlone();
        return new SequenceCache(ContentAt(length), capacity);
    }

    /// <summary>Makes caches that go on from here for a second reading.</summary>
    /// <param name="tokens">Tokens to be read.</param>
    /// <param name="part">What for.</param>
    internal SequenceCache CopyToRead(int tokens, RepeatedPart part) => new(Content, Length + tokens, part);

    /// <summary>Bytes of caches that are made of what others hold.</summary>
    internal static long BytesOf(CacheContent content, int capacity)
    {
        Check(content, capacity);
        capacity = content.CapacityFor(capacity);
        return content.BytesIn(content.HeadsAt(capacity, content.Policy.Resolve(content.Config, capacity)));
    }

    private RingState[] States => [.. Enumerable.Range(0, Rows.Heads.Length).Select(head => Rows.Heads[head].State)];

    private CacheContent Content => new(_config, _policy, _shape, _memory, Capacity, Length, States, Rows, _notes) { ReadAfresh = ReadAfresh };

    private CacheContent ContentAt(int? length)
    {
        ThrowIfCutOff();
        if (Length == 0 || length == 0)
            throw new InvalidOperationException("Caches without tokens hold nothing to copy; make new ones.");
        return Content.At(length ?? Length);
    }

    // The layouts of the heads after an extension.
    private HeadLayout[] LayoutsAt(int capacity)
    {
        capacity = Math.Max(capacity, Capacity);
        return [.. Content.HeadsAt(capacity, _policy.Resolve(_config, capacity)).Select(head => head.Layout)];
    }

    private void ThrowIfCutOff()
    {
        if (IsCutOff)
            throw new InvalidOperationException("A pass that was cut off has overwritten rows of these caches; make new ones.");
    }

    private static void Check(CacheContent content, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, content.Length);
        if (!content.CanGoOnAt(capacity))
        {
            throw new ArgumentException(
                $"The model turns texts of {content.Capacity} and of {capacity} tokens by different angles: read the text again.", nameof(capacity));
        }
    }

    private static bool[] BoundedLayers(ModelConfig config) => [.. Enumerable.Range(0, config.Layers).Select(config.IsBounded)];
}
