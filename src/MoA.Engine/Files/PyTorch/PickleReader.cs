using System.Buffers.Binary;
using System.Text;

namespace MoA.Engine.Files.PyTorch;

/// <summary>
/// Reads the pickle of a checkpoint, protocols 2 to 5, by an allow-list: of the operations those that build dictionaries, lists,
/// tuples, texts and numbers, of the names those of <see cref="PickleGlobal"/>. Nothing is looked up or called, and anything else is
/// refused where it stands.
/// </summary>
internal ref partial struct PickleReader
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    // What a list or a dictionary begins with on the stack.
    private static readonly object Mark = new();

    private readonly string _path;
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly List<object?> _stack = [];
    private readonly Dictionary<long, object?> _memo = [];
    private int _at;
    private int _start;

    private PickleReader(string path, ReadOnlySpan<byte> bytes)
    {
        _path = path;
        _bytes = bytes;
    }

    /// <summary>The tensors of a pickled dictionary by name; entries that are no tensors are passed over.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="bytes">The pickle.</param>
    /// <exception cref="InvalidInputException">It is damaged, or holds what a checkpoint has no need of.</exception>
    public static Dictionary<string, TorchTensor> ReadTensors(string path, ReadOnlySpan<byte> bytes)
    {
        PickleReader reader = new(path, bytes);
        if (reader.Run() is not PickleMap root)
            throw InputFile.Error(path, "its pickle holds no dictionary; expected a model's tensors by name, as state_dict() gives them");
        Dictionary<string, TorchTensor> tensors = new(StringComparer.Ordinal);
        foreach ((object? key, object? value) in root.Entries)
        {
            if (key is string name && value is TorchTensor tensor)
                tensors[name] = tensor;
        }

        return tensors;
    }

    private object? Run()
    {
        while (true)
        {
            _start = _at;
            byte operation = Take(1)[0];
            if (operation == (byte)'.')
                return Pop();
            Step(operation);
        }
    }

    private void Step(byte operation)
    {
        switch ((char)operation)
        {
            case '\x80': // PROTO
                if (Take(1)[0] is < 2 or > 5)
                    throw Fault($"is of protocol {_bytes[_at - 1]}; expected 2 to 5");
                break;
            case '\x95': // FRAME
                Take(8);
                break;
            case '(':
                Push(Mark);
                break;
            case 'N':
                Push(null);
                break;
            case '\x88' or '\x89': // NEWTRUE, NEWFALSE
                Push(operation == 0x88);
                break;
            case 'K':
                Push((long)Take(1)[0]);
                break;
            case 'M':
                Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                break;
            case 'J':
                Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                break;
            case '\x8a': // LONG1
                Push(ReadLong(Take(Take(1)[0])));
                break;
            case 'G':
                Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                break;
            case '\x8c': // SHORT_BINUNICODE
                Push(Text(Take(Take(1)[0])));
                break;
            case 'X':
                Push(Text(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))));
                break;
            case 'c':
                Push(Global(Text(Line()), Text(Line())));
                break;
            case '\x93': // STACK_GLOBAL
                string name = Pop<string>(), module = Pop<string>();
                Push(Global(module, name));
                break;
            case ')':
                Push(Array.Empty<object?>());
                break;
            case '\x85' or '\x86' or '\x87': // TUPLE1 to TUPLE3
                PushTuple(_stack.Count - (operation - 0x84));
                break;
            case 't':
                PushTuple(TakeMark());
                break;
            case '}':
                Push(new PickleMap());
                break;
            case ']':
                Push(new PickleList());
                break;
            default:
                StepOnValues((char)operation);
                break;
        }
    }

    private void StepOnValues(char operation)
    {
        switch (operation)
        {
            case 'a':
                object? item = Pop();
                Top<PickleList>(_stack.Count).Items.Add(item);
                break;
            case 'e':
                int first = TakeMark();
                Top<PickleList>(first).Items.AddRange(_stack[first..]);
                _stack.RemoveRange(first, _stack.Count - first);
                break;
            case 's':
                Set(_stack.Count - 2);
                break;
            case 'u':
                Set(TakeMark());
                break;
            case 'q':
                Remember(Take(1)[0]);
                break;
            case 'r':
                Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                break;
            case '\x94': // MEMOIZE
                Remember(_memo.Count);
                break;
            case 'h':
                Recall(Take(1)[0]);
                break;
            case 'j':
                Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                break;
            case 'Q':
                Push(Storage(Pop<object?[]>()));
                break;
            case 'R':
                object?[] arguments = Pop<object?[]>();
                Push(Build(Pop<PickleGlobal>(), arguments));
                break;
            case 'b':
                // An ordered dictionary's attributes, such as the versions of the modules.
                Pop();
                Top<PickleMap>(_stack.Count);
                break;
            default:
                string shown = char.IsAsciiLetterOrDigit(operation) ? $"'{operation}'" : $"0x{(int)operation:x2}";
                throw Fault($"holds the operation {shown}, which no checkpoint of tensors needs; it was not executed");
        }
    }

    private readonly void Set(int first)
    {
        if ((_stack.Count - first) % 2 != 0)
            throw Fault("has a key without a value");
        PickleMap map = Top<PickleMap>(first);
        for (int i = first; i < _stack.Count; i += 2)
            map.Entries.Add((_stack[i], _stack[i + 1]));
        _stack.RemoveRange(first, _stack.Count - first);
    }

    private readonly void Push(object? value) => _stack.Add(value);

    private readonly void PushTuple(int first)
    {
        if (first < 0 || _stack.IndexOf(Mark, first) >= 0)
            throw Fault("takes more values than there are");
        object?[] items = [.. _stack[first..]];
        _stack.RemoveRange(first, _stack.Count - first);
        Push(items);
    }

    private readonly object? Pop()
    {
        if (_stack.Count == 0 || _stack[^1] == Mark)
            throw Fault("takes more values than there are");
        object? value = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private readonly T Pop<T>() => Pop() is T value ? value : throw Fault("has a value of another kind than the operation takes");

    /// <summary>The value below a place on the stack, which stays.</summary>
    private readonly T Top<T>(int end) => end > 0 && _stack[end - 1] is T value ? value : throw Fault("has a value of another kind than the operation takes");

    // The place of the last mark, which is taken away; what stood above it is there from that place on.
    private readonly int TakeMark()
    {
        int mark = _stack.LastIndexOf(Mark);
        if (mark < 0)
            throw Fault("takes more values than there are");
        _stack.RemoveAt(mark);
        return mark;
    }

    private readonly void Remember(long index)
    {
        object? value = Pop();
        _memo[index] = value;
        Push(value);
    }

    private readonly void Recall(long index) =>
        Push(_memo.TryGetValue(index, out object? value) ? value : throw Fault($"recalls value {index}, which it has not kept"));

    private readonly long ReadLong(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 8)
            throw Fault("has a number beyond 64 bits");
        long number = 0;
        for (int i = bytes.Length - 1; i >= 0; i--)
            number = number << 8 | bytes[i];
        int spare = 64 - 8 * bytes.Length;
        return bytes.Length == 0 ? 0 : number << spare >> spare;
    }

    private readonly string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Fault("has a text that is not UTF-8");
        }
    }

    private ReadOnlySpan<byte> Line()
    {
        int length = _bytes[_at..].IndexOf((byte)'\n');
        if (length < 0)
            throw Fault("ends within a name");
        ReadOnlySpan<byte> line = _bytes.Slice(_at, length);
        _at += length + 1;
        return line;
    }

    private ReadOnlySpan<byte> Take(long count)
    {
        if (count > _bytes.Length - _at)
            throw Fault("ends too early");
        ReadOnlySpan<byte> taken = _bytes.Slice(_at, (int)count);
        _at += (int)count;
        return taken;
    }

    private readonly InvalidInputException Fault(string what) => InputFile.Error(_path, $"its pickle {what} (byte {_start} of data.pkl)");

    private sealed class PickleMap
    {
        public List<(object? Key, object? Value)> Entries { get; } = [];
    }

    private sealed class PickleList
    {
        public List<object?> Items { get; } = [];
    }
}
