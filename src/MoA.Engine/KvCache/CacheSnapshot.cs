using MoA.Engine.Attention;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.KvCache;

/// <summary>
/// What a sequence's caches held at some moment, without room for more: from it any number of caches can be made that go on from there.
/// Belongs to the model whose caches it was taken from. May be used from several threads, but is to be disposed by one.
/// </summary>
internal sealed class CacheSnapshot : IDisposable
{
    private readonly UseGuard _use = new("The snapshot is", typeof(CacheSnapshot));
    private readonly CacheContent _content;

    /// <summary>Keeps rows that stand in packed layouts; they are its own from now on.</summary>
    internal CacheSnapshot(CacheContent content) => _content = content;

    /// <summary>Tokens whose rows it holds.</summary>
    public int Length => _content.Length;

    /// <summary>The capacity of the caches that it was taken from: the N of the rules that chose the rows.</summary>
    public int Capacity => _content.Capacity;

    /// <summary>Format of the rows.</summary>
    public ElementType Type => _content.Shape.Type;

    /// <summary>Bytes that it takes.</summary>
    public long Bytes => _content.Rows.Bytes + _content.Notes.Bytes;

    /// <summary>
    /// Whether caches can be made that go on after the first <paramref name="length"/> tokens: no row has been evicted since that was held
    /// then, and texts of the two capacities are turned by the same angles.
    /// </summary>
    /// <param name="capacity">The most tokens that they are to hold.</param>
    /// <param name="length">Tokens to go on after; null for all.</param>
    public bool CanRestore(int capacity, int? length = null) =>
        _content.CanRewind(length ?? Length) && _content.At(length ?? Length).CanGoOnAt(capacity);

    /// <inheritdoc cref="CacheContent.Landing"/>
    internal int Landing(int length) => _content.Landing(length);

    /// <summary>Bytes that <see cref="Restore"/> takes.</summary>
    /// <inheritdoc cref="Restore"/>
    public long RestoreBytes(int capacity, int? length = null)
    {
        using UseGuard.Use use = _use.TakeShared();
        return SequenceCache.BytesOf(_content.At(length ?? Length), capacity);
    }

    /// <summary>
    /// Makes caches that go on from here. With a capacity of at least <see cref="Capacity"/> they are what the original ones would be, extended to it;
    /// with a smaller one, rings are as large as the policy's rules say there, and what they have no room for is lost.
    /// </summary>
    /// <param name="capacity">The most tokens that they are to hold, at least <paramref name="length"/>. Policies that go by attention
    /// take no less than <see cref="Capacity"/>.</param>
    /// <param name="length">Tokens to go on after; null for all.</param>
    /// <exception cref="InvalidInputException">The memory can never hold them.</exception>
    /// <exception cref="InvalidOperationException">Not all is held any more that was at that length.</exception>
    /// <exception cref="ArgumentException">A text of that capacity is turned by other angles.</exception>
    /// <exception cref="ObjectDisposedException">The snapshot was disposed.</exception>
    public SequenceCache Restore(int capacity, int? length = null)
    {
        using UseGuard.Use use = _use.TakeShared();
        return new SequenceCache(_content.At(length ?? Length), capacity);
    }

    /// <summary>Keeps a copy of what caches hold.</summary>
    internal static CacheSnapshot CopyOf(CacheContent content)
    {
        HeadLayout[] layouts = content.PackedLayouts();
        content.Memory.CheckRoom(content.Memory.BytesOf(content.Shape, layouts), content.Length, content.Shape);
        SequenceRows rows = content.Memory.Create(content.Shape, layouts);
        try
        {
            rows.CopyFrom(content.Rows, [.. layouts.Select(layout => new RingState(layout))], content.Length);
            return new CacheSnapshot(content with { Rows = rows, Notes = content.Notes.Copy() });
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }

    /// <summary>Lets somebody look at what it holds; it is not freed meanwhile.</summary>
    /// <exception cref="ObjectDisposedException">The snapshot was disposed.</exception>
    internal void Read(Action<CacheContent> reader)
    {
        using UseGuard.Use use = _use.TakeShared();
        reader(_content);
    }

    /// <summary>Waits for who uses it, and frees the memory.</summary>
    public void Dispose()
    {
        if (!_use.Close())
            return;
        _content.Rows.Dispose();
        _content.Notes.Dispose();
    }
}
