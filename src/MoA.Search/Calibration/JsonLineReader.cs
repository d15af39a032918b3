using MoA.Engine;
using MoA.Engine.Files;

namespace MoA.Search.Calibration;

/// <summary>
/// Cuts a UTF-8 stream into lines, one item each, without decoding it and without holding more than the longest line. A byte
/// order mark at the start is skipped, empty lines at the end are no items; carriage returns stay, they are white space to JSON.
/// </summary>
internal sealed class JsonLineReader(Stream stream, string name)
{
    /// <summary>No conversation needs a longer line: a million tokens take about 7 MB.</summary>
    internal const int MaxLineBytes = 1 << 26;

    private byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;
    private bool _streamEnded;
    private bool _found;

    /// <summary>The number of the line read last, counted from 1.</summary>
    public int Line { get; private set; }

    /// <summary>Reads the next line, without its line feed; it stays valid until the next call. False at the end.</summary>
    /// <exception cref="InvalidInputException">The stream cannot be read, holds no line that is not empty, or one is empty that
    /// another follows.</exception>
    public bool TryRead(out ReadOnlyMemory<byte> line)
    {
        int empty = 0;
        while (TryReadAny(out line))
        {
            if (line.Span.Trim(" \t\r"u8).IsEmpty)
            {
                empty = empty == 0 ? Line : empty;
                continue;
            }

            if (empty > 0)
                throw new InvalidInputException($"{name}:{empty}: the line is empty; expected one JSON object a line; remove the empty line");
            return _found = true;
        }

        return _found ? false : throw new InvalidInputException($"{name}: the file is empty; expected one JSON object a line");
    }

    private bool TryReadAny(out ReadOnlyMemory<byte> line)
    {
        int scanned = 0;
        while (true)
        {
            int lineFeed = _buffer.AsSpan(_start + scanned, _end - _start - scanned).IndexOf((byte)'\n');
            if (lineFeed >= 0)
            {
                line = Take(scanned + lineFeed, skip: 1);
                return true;
            }

            scanned = _end - _start;
            if (_streamEnded)
            {
                line = scanned > 0 ? Take(scanned, skip: 0) : default;
                return scanned > 0;
            }

            Fill();
        }
    }

    private ReadOnlyMemory<byte> Take(int length, int skip)
    {
        ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, length);
        _start += length + skip;
        Line++;
        return Line == 1 && line.Span.StartsWith("\uFEFF"u8) ? line[3..] : line;
    }

    private void Fill()
    {
        int held = _end - _start;
        if (held > MaxLineBytes)
        {
            throw new InvalidInputException(
                $"{name}:{Line + 1}: the line is longer than {MaxLineBytes >> 20} MiB; write one item a line, lines ended by a line feed");
        }

        byte[] room = held > _buffer.Length / 2 ? new byte[_buffer.Length * 2] : _buffer;
        _buffer.AsSpan(_start, held).CopyTo(room);
        (_buffer, _start, _end) = (room, 0, held);
        try
        {
            int read = stream.Read(_buffer, _end, _buffer.Length - _end);
            _end += read;
            _streamEnded = read == 0;
        }
        catch (IOException failure)
        {
            throw InputFile.Unreadable(name, failure, $"line {Line} was the last that could be");
        }
    }
}
