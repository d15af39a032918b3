using System.Buffers.Binary;

namespace MoA.Engine.Files;

/// <summary>
/// Walks through the fields of a message in the wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding):
/// <see cref="Next"/> steps to a field, whose value is read or else skipped by the next step.
/// </summary>
internal ref struct ProtobufReader
{
    private readonly string _file;
    private readonly ReadOnlySpan<byte> _bytes;
    private int _at;
    private int _kind;
    private bool _isRead = true;

    /// <param name="file">Where the message stands, for messages.</param>
    /// <param name="bytes">The message.</param>
    public ProtobufReader(string file, ReadOnlySpan<byte> bytes)
    {
        _file = file;
        _bytes = bytes;
    }

    /// <summary>Number of the field that the reader stands at.</summary>
    public int Field { get; private set; }

    /// <summary>Steps to the next field; false at the end.</summary>
    /// <exception cref="InvalidInputException">The message is malformed.</exception>
    public bool Next()
    {
        if (!_isRead)
            Skip();
        if (_at == _bytes.Length)
            return false;
        ulong tag = Varint();
        if (tag >> 3 is 0 or > int.MaxValue)
            throw Damaged();
        (Field, _kind, _isRead) = ((int)(tag >> 3), (int)(tag & 7), false);
        return true;
    }

    /// <summary>The value of a field that is a whole number, or true or false.</summary>
    public long Integer()
    {
        Expect(0);
        return (long)Varint();
    }

    /// <summary>Whether the field is true.</summary>
    public bool Boolean() => Integer() != 0;

    /// <summary>The value of a field that is a float.</summary>
    public float Single()
    {
        Expect(5);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(4));
    }

    /// <summary>The value of a field that is a text, bytes or a message of its own.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        Expect(2);
        return Take(Varint());
    }

    private void Skip()
    {
        switch (_kind)
        {
            case 0:
                Varint();
                break;
            case 1:
                Take(8);
                break;
            case 2:
                Take(Varint());
                break;
            case 5:
                Take(4);
                break;
            default:
                throw Damaged();
        }
    }

    private void Expect(int kind)
    {
        if (_kind != kind || _isRead)
            throw Damaged();
        _isRead = true;
    }

    private ulong Varint()
    {
        ulong number = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Take(1)[0];
            number |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return number;
        }

        throw Damaged();
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_bytes.Length - _at))
            throw Damaged();
        ReadOnlySpan<byte> taken = _bytes.Slice(_at, (int)count);
        _at += (int)count;
        return taken;
    }

    private readonly InvalidInputException Damaged() => InputFile.Error(_file, $"is damaged or truncated near byte {_at} of a message; copy or download it again");
}
