using System.Buffers.Binary;
using System.Text;

namespace MoA.Engine.Files.PyTorch;

/// <summary>
/// Where the entries of a mapped zip file lie, its large form (zip64) included; entries are stored as they are, since they are
/// used where they are mapped. Every entry lies within the file.
/// </summary>
internal sealed unsafe class ZipDirectory
{
    /// <summary>The shortest zip file: the end of an empty one.</summary>
    public const int LeastBytes = 22;

    private const uint LocalHeader = 0x04034B50;
    private const uint CentralHeader = 0x02014B50;
    private const uint End = 0x06054B50;
    private const uint EndLocator64 = 0x07064B50;
    private const uint End64 = 0x06064B50;
    private const int LongestComment = ushort.MaxValue;

    private readonly Dictionary<string, (long Start, long Length)> _entries = new(StringComparer.Ordinal);
    private readonly string _path;
    private readonly byte* _data;
    private readonly long _length;

    private ZipDirectory(string path, MappedFile file)
    {
        _path = path;
        _data = file.Data;
        _length = file.Length;
    }

    /// <summary>Names of the entries.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>Reads the directory of a mapped file of at least <see cref="LeastBytes"/> bytes.</summary>
    /// <exception cref="InvalidInputException">It is no whole zip file, or an entry is compressed or encrypted.</exception>
    public static ZipDirectory Read(string path, MappedFile file)
    {
        ZipDirectory directory = new(path, file);
        if (directory.UInt(0) is not (LocalHeader or End))
        {
            throw InputFile.Error(path, "is no zip file, as torch.save writes since PyTorch 1.6; " +
                "load and save it again with a newer PyTorch, or download it again");
        }

        directory.ReadEntries();
        return directory;
    }

    /// <summary>The bytes of an entry, or null if there is none of this name.</summary>
    public (nint Data, long Length)? Find(string name) =>
        _entries.TryGetValue(name, out (long Start, long Length) entry) ? ((nint)(_data + entry.Start), entry.Length) : null;

    private void ReadEntries()
    {
        (long at, long bytes, long count) = FindCentral();
        long end = at + bytes;
        for (long i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = Span(at, 46, end);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) != CentralHeader)
                throw Damaged("its directory has no entry where one should begin");
            int nameLength = UShort(at + 28), extraLength = UShort(at + 30), commentLength = UShort(at + 32);
            string name = Encoding.UTF8.GetString(Span(at + 46, nameLength, end));
            AddEntry(name, at, Span(at + 46 + nameLength, extraLength, end));
            at += 46 + nameLength + extraLength + commentLength;
        }
    }

    private void AddEntry(string name, long header, ReadOnlySpan<byte> extra)
    {
        if ((UShort(header + 8) & 1) != 0 || UShort(header + 10) != 0)
        {
            throw InputFile.Error(_path, $"entry {InputFile.Cut(name)} is compressed or encrypted; " +
                "expected stored entries, as torch.save writes them");
        }

        long stored = UInt(header + 20), length = UInt(header + 24), place = UInt(header + 42);
        ReadLarge(extra, ref length, ref stored, ref place);
        if (stored != length)
            throw Damaged($"entry {InputFile.Cut(name)} has two lengths");
        ReadOnlySpan<byte> local = Span(place, 30, _length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(local) != LocalHeader)
            throw Damaged($"entry {InputFile.Cut(name)} does not begin where the directory says");
        long start = place + 30 + UShort(place + 26) + UShort(place + 28);
        if (length < 0 || start > _length - length)
            throw Damaged($"entry {InputFile.Cut(name)} ends after the file's {_length} bytes");
        if (!_entries.TryAdd(name, (start, length)))
            throw Damaged($"entry {InputFile.Cut(name)} stands there twice");
    }

    // The extra field 1 holds, in this order, those of the numbers that do not fit 32 bits.
    private void ReadLarge(ReadOnlySpan<byte> extra, ref long length, ref long stored, ref long place)
    {
        while (extra.Length >= 4)
        {
            int kind = BinaryPrimitives.ReadUInt16LittleEndian(extra), size = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (size > extra.Length - 4)
                return;
            if (kind == 1)
            {
                ReadOnlySpan<byte> numbers = extra.Slice(4, size);
                Take(ref numbers, ref length);
                Take(ref numbers, ref stored);
                Take(ref numbers, ref place);
                return;
            }

            extra = extra[(4 + size)..];
        }

        void Take(ref ReadOnlySpan<byte> numbers, ref long number)
        {
            if (number != uint.MaxValue)
                return;
            if (numbers.Length < 8)
                throw Damaged("an entry of 4 GiB or more lacks its length");
            number = BinaryPrimitives.ReadInt64LittleEndian(numbers);
            numbers = numbers[8..];
        }
    }

    private (long Start, long Bytes, long Count) FindCentral()
    {
        long end = FindEnd();
        long count = UShort(end + 10), bytes = UInt(end + 12), start = UInt(end + 16);
        if ((count == ushort.MaxValue || bytes == uint.MaxValue || start == uint.MaxValue) &&
            end >= 20 && UInt(end - 20) == EndLocator64)
        {
            long end64 = Long(end - 12);
            if (end64 > _length || UInt(end64) != End64)
                throw Damaged("its directory is not where its end says");
            (count, bytes, start) = (Long(end64 + 32), Long(end64 + 40), Long(end64 + 48));
        }

        return count >= 0 && bytes >= 0 && start >= 0 && start <= _length - bytes && count <= bytes / 46
            ? (start, bytes, count)
            : throw Damaged("its directory does not fit the file");
    }

    private long FindEnd()
    {
        for (long at = _length - LeastBytes; at >= 0 && at >= _length - LeastBytes - LongestComment; at--)
        {
            if (UInt(at) == End && at + LeastBytes + UShort(at + 20) == _length)
                return at;
        }

        throw Damaged("it has no directory at its end");
    }

    private ReadOnlySpan<byte> Span(long at, int count, long end) =>
        at >= 0 && at <= end - count ? new(_data + at, count) : throw Damaged("it ends within its directory");

    private int UShort(long at) => BinaryPrimitives.ReadUInt16LittleEndian(Span(at, 2, _length));

    private uint UInt(long at) => BinaryPrimitives.ReadUInt32LittleEndian(Span(at, 4, _length));

    private long Long(long at)
    {
        long number = BinaryPrimitives.ReadInt64LittleEndian(Span(at, 8, _length));
        return number >= 0 ? number : throw Damaged("its directory holds a number beyond 63 bits");
    }

    private InvalidInputException Damaged(string what) =>
        InputFile.Error(_path, $"is a damaged or truncated zip file: {what}; copy or download it again");
}
