using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>
/// Reads what <see cref="SessionWriter"/> has written. All but the rows is read and checked on opening. Whatever a file holds, it is refused in one line
/// or gives caches that are safe to use.
/// </summary>
internal sealed class SessionReader : IDisposable
{
    private const int LongestHeader = 16 << 20;
    private const string Mend = "remove the file: the conversation will be read again";

    private readonly string _path;
    private readonly SessionOwner _owner;
    private readonly FileStream _file;
    private readonly RingState[] _heads;
    private readonly long _rowsStart;
    private readonly string _rowsHash;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="owner">What the caches are to belong to.</param>
    /// <exception cref="InvalidInputException">It cannot be read, is damaged, or belongs to something else.</exception>
    public SessionReader(string path, SessionOwner owner)
    {
        _path = path;
        _owner = owner;
        _file = InputFile.Open(path);
        try
        {
            SafetensorsHeader header = ReadHeader();
            IReadOnlyDictionary<string, string> metadata = header.Metadata;
            if (metadata.GetValueOrDefault(SessionFormat.FormatKey) != SessionFormat.Name)
                throw Refuse($"not a {SessionFormat.Name} file; expected caches of a conversation that moa has saved");
            int[] states = ReadNumbers(header, SessionFormat.Heads), tokens = ReadNumbers(header, SessionFormat.Tokens);
            if (metadata.GetValueOrDefault(SessionFormat.ChecksumKey) != SessionFormat.Checksum(metadata, states, tokens))
                throw Refuse("damaged: its checksum is not that of its header");
            Capacity = ReadCapacity(metadata);
            _rowsHash = metadata.GetValueOrDefault(SessionFormat.RowsKey, "");
            CheckOwner(metadata);
            Tokens = CheckTokens(tokens);
            _heads = ReadHeads(states);
            _rowsStart = FindRows(header);
        }
        catch (Exception failure)
        {
            _file.Dispose();
            if (failure is IOException or UnauthorizedAccessException)
                throw InputFile.Unreadable(path, failure);
            throw;
        }
    }

    /// <summary>The capacity of the caches.</summary>
    public int Capacity { get; }

    /// <summary>The tokens whose rows there are.</summary>
    public int[] Tokens { get; }

    /// <summary>Bytes of the rows in memory.</summary>
    public long Bytes => 2 * _owner.Type.RowBytes(_owner.Config.HeadSize) * Layouts().Sum(layout => (long)layout.Rows);

    /// <summary>Reads the rows.</summary>
    /// <param name="memory">Where they are to be: the processor's memory.</param>
    /// <exception cref="InvalidInputException">The file cannot be read or is damaged.</exception>
    public CacheSnapshot ReadRows(ICacheMemory memory)
    {
        RowsShape shape = new(_owner.Type, _owner.Config.KeyValueHeads, _owner.Config.HeadSize, RowChoice.ByPosition);
        memory.CheckRoom(Bytes, Tokens.Length, shape);
        SequenceRows rows = memory.Create(shape, Layouts());
        try
        {
            XxHash128 hash = new();
            long at = _rowsStart;
            at = ReadRows((HostRows)rows, values: false, at, hash);
            _ = ReadRows((HostRows)rows, values: true, at, hash);
            if (Convert.ToHexStringLower(hash.GetCurrentHash()) != _rowsHash)
                throw Refuse("damaged: its checksum is not that of its rows");
            AttentionNotes notes = new(_owner.Config, _owner.Policy, Capacity, memory.Allocator);
            return new CacheSnapshot(new CacheContent(_owner.Config, _owner.Policy, shape, memory, Capacity, Tokens.Length, _heads, rows, notes));
        }
        catch (Exception failure)
        {
            rows.Dispose();
            if (failure is IOException or UnauthorizedAccessException)
                throw InputFile.Unreadable(_path, failure);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private unsafe SafetensorsHeader ReadHeader()
    {
        if (!_file.CanSeek)
            throw Refuse("has no length; expected a file, not a pipe or a device");
        Span<byte> length = stackalloc byte[SafetensorsHeader.LengthBytes];
        ReadExactly(length, 0);
        ulong bytes = BinaryPrimitives.ReadUInt64LittleEndian(length);
        if (bytes > LongestHeader)
            throw Refuse($"not a {SessionFormat.Name} file: its header would have {bytes} bytes; expected at most {LongestHeader}");
        byte[] header = new byte[length.Length + (int)bytes];
        ReadExactly(header, 0);
        fixed (byte* start = header)
            return SafetensorsHeader.Read(_path, start, _file.Length);
    }

    private int[] ReadNumbers(SafetensorsHeader header, string name)
    {
        SafetensorsExtent tensor = Find(header, name);
        if (tensor.DType != "I32" || tensor.End - tensor.Start > LongestHeader)
            throw Refuse($"tensor {name} is no list of numbers");
        int[] numbers = new int[(tensor.End - tensor.Start) / sizeof(int)];
        ReadExactly(MemoryMarshal.AsBytes(numbers.AsSpan()), header.DataStart + tensor.Start);
        return numbers;
    }

    private int ReadCapacity(IReadOnlyDictionary<string, string> metadata) =>
        NumberText.TryWhole(metadata.GetValueOrDefault(SessionFormat.CapacityKey, ""), out int capacity) && capacity > 0
            ? capacity
            : throw Refuse("damaged: it has no capacity");

    private void CheckOwner(IReadOnlyDictionary<string, string> metadata)
    {
        foreach ((string key, string expected) in SessionFormat.Describe(_owner, Capacity, _rowsHash))
        {
            string read = metadata.GetValueOrDefault(key, "");
            if (read == expected)
                continue;
            string what = key switch
            {
                SessionFormat.ModelKey => "the model has another fingerprint",
                SessionFormat.PolicyKey => "another policy chose the rows",
                SessionFormat.SpansKey => $"policy {_owner.Policy.Name} has other spans",
                _ => "the rows have another format",
            };
            string shown = key == SessionFormat.SpansKey ? "" : $" (read {InputFile.Cut(read)}, expected {InputFile.Cut(expected)})";
            throw Refuse($"belongs to something else: {what}{shown}; run what it was saved with, or");
        }
    }

    private int[] CheckTokens(int[] tokens)
    {
        if (tokens.Length == 0 || tokens.Length > Capacity || tokens.Length > _owner.Config.LongestText)
            throw Refuse($"damaged: it has {tokens.Length} tokens in caches for {Capacity}");
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)_owner.Config.VocabularySize)
                throw Refuse($"damaged: its token {token} is not in the model's vocabulary of {_owner.Config.VocabularySize}");
        }

        return tokens;
    }

    private RingState[] ReadHeads(int[] numbers)
    {
        LayerSpans[] spans = _owner.Policy.Resolve(_owner.Config, Capacity);
        RingState[] heads = new RingState[_owner.Config.Layers * _owner.Config.KeyValueHeads];
        if (numbers.Length != heads.Length * SessionFormat.HeadNumbers)
            throw Refuse($"damaged: {numbers.Length} numbers for {heads.Length} heads");
        for (int i = 0; i < heads.Length; i++)
        {
            int[] head = numbers[(i * SessionFormat.HeadNumbers)..((i + 1) * SessionFormat.HeadNumbers)];
            heads[i] = new RingState(new HeadLayout(head[0], head[1]) { Sink = spans[i / _owner.Config.KeyValueHeads].Block }, head[2], head[3]);
            if (!IsSound(heads[i], _owner.Config.SlidingWindow(i / _owner.Config.KeyValueHeads)))
                throw Refuse($"damaged: head {i} cannot hold rows as it says ({string.Join(", ", head)})");
        }

        return heads;
    }

    // Layouts that a policy could have given, and losses that could have come to pass.
    private bool IsSound(RingState head, int? window)
    {
        HeadLayout layout = head.Layout;
        bool isRing = layout.SinkRows == 0 && layout.RingRows == window;
        bool hasSink = layout.SinkRows == layout.Sink && layout.RingRows >= 1
            && layout.RingRows <= ElasticRule.Dense.Rows(Capacity) - layout.Sink;
        bool nothingLost = head is { LostBefore: 0, LostSince: 0 };
        return (isRing || hasSink)
            && (nothingLost || (head.LostBefore > layout.Sink && head.LostBefore < head.LostSince && head.LostSince <= Tokens.Length));
    }

    private long FindRows(SafetensorsHeader header)
    {
        (string type, long elements) = SessionFormat.Row(_owner.Type, _owner.Config.HeadSize);
        long rows = _heads.Sum(head => (long)head.HeldRows(Tokens.Length));
        SafetensorsExtent keys = Find(header, SessionFormat.Keys), values = Find(header, SessionFormat.Values);
        foreach (SafetensorsExtent tensor in (SafetensorsExtent[])[keys, values])
        {
            if (tensor.DType != type || !tensor.Shape.SequenceEqual([rows, elements]))
                throw Refuse($"damaged: {InputFile.Cut(tensor.Name)} is not {type} of [{rows}, {elements}]");
        }

        if (keys.End != values.Start)
            throw Refuse("damaged: the values do not follow the keys");
        return header.DataStart + keys.Start;
    }

    private SafetensorsExtent Find(SafetensorsHeader header, string name)
    {
        foreach (SafetensorsExtent tensor in header.Tensors)
        {
            if (tensor.Name == name)
                return tensor;
        }

        throw Refuse($"not a {SessionFormat.Name} file: it has no tensor {name}");
    }

    private HeadLayout[] Layouts() => [.. _heads.Select(head => head.Packed(Tokens.Length))];

    private long ReadRows(HostRows rows, bool values, long at, XxHash128 hash)
    {
        for (int i = 0; i < rows.Heads.Length; i++)
        {
            HeadCache head = rows.Head(i);
            foreach ((int slot, int count) in head.Pieces(Tokens.Length))
            {
                Span<byte> bytes = head.Stored(values, slot, count);
                ReadExactly(bytes, at);
                hash.Append(bytes);
                at += bytes.Length;
            }
        }

        return at;
    }

    private void ReadExactly(Span<byte> bytes, long at)
    {
        for (int read; bytes.Length > 0; bytes = bytes[read..], at += read)
        {
            read = RandomAccess.Read(_file.SafeFileHandle, bytes, at);
            if (read == 0)
                throw Refuse($"truncated: it ends at byte {at}");
        }
    }

    private InvalidInputException Refuse(string problem) =>
        InputFile.Error(_path, problem.EndsWith(" or", StringComparison.Ordinal) ? $"{problem} {Mend}" : $"{problem}; {Mend}");
}
