using System.Buffers.Binary;
using System.Text;

namespace MoA.Engine.Tests.Files.PyTorch;

/// <summary>Writes the pickle and the zip file of a checkpoint by hand, right or wrong in any one place.</summary>
internal sealed class TorchBytes
{
    private readonly List<(string Name, byte[] Bytes)> _entries = [];
    private readonly List<byte> _pickle = [];

    public TorchBytes() => Raw(0x80, 2, '}', '(');

    /// <summary>Whether lengths and places are written as of a file beyond 4 GiB.</summary>
    public bool Large { get; init; }

    /// <summary>Adds bytes to the pickle.</summary>
    public TorchBytes Raw(params object[] parts)
    {
        foreach (object part in parts)
        {
            switch (part)
            {
                case string text: // BINUNICODE
                    byte[] bytes = Encoding.UTF8.GetBytes(text);
                    _pickle.AddRange([(byte)'X', (byte)bytes.Length, (byte)(bytes.Length >> 8), 0, 0, .. bytes]);
                    break;
                case long number: // LONG1
                    _pickle.AddRange([0x8A, 8, .. BitConverter.GetBytes(number)]);
                    break;
                case byte[] raw:
                    _pickle.AddRange(raw);
                    break;
                default:
                    _pickle.Add(Convert.ToByte(part, null));
                    break;
            }
        }

        return this;
    }

    /// <summary>Adds the name of a class or function.</summary>
    public TorchBytes Global(string module, string name) => Raw('c', Encoding.UTF8.GetBytes($"{module}\n{name}\n"));

    /// <summary>Adds a tensor.</summary>
    public TorchBytes Tensor(
        string name, string storageClass, string key, long elements, long offset, long[] size, long[] strides)
    {
        Raw(name).Global("torch._utils", "_rebuild_tensor_v2").Raw('(', '(', "storage").Global("torch", storageClass);
        Raw(key, "cpu", elements, 't', 'Q', offset);
        Numbers(size).Numbers(strides).Raw(0x89).Global("collections", "OrderedDict").Raw(')', 'R', 't', 'R');
        return this;
    }

    /// <summary>Adds a tuple of numbers.</summary>
    public TorchBytes Numbers(params long[] numbers) => Raw('(', numbers.SelectMany<long, byte>(
        number => [0x8A, 8, .. BitConverter.GetBytes(number)]).ToArray(), 't');

    /// <summary>Adds an entry beside the pickle.</summary>
    public TorchBytes Entry(string name, params byte[] bytes)
    {
        _entries.Add((name, bytes));
        return this;
    }

    /// <summary>Adds a storage of floats.</summary>
    public TorchBytes Storage(string key, params float[] numbers) => Entry(
        "data/" + key, [.. numbers.SelectMany(BitConverter.GetBytes)]);

    /// <summary>The file.</summary>
    public byte[] Build(string folder = "archive")
    {
        List<(string Name, byte[] Bytes)> entries = [("data.pkl", [.. _pickle, (byte)'u', (byte)'.']), .. _entries];
        MemoryStream file = new(), central = new();
        foreach ((string name, byte[] bytes) in entries)
        {
            byte[] path = Encoding.UTF8.GetBytes($"{folder}/{name}");
            uint length = Large ? uint.MaxValue : (uint)bytes.Length, place = Large ? uint.MaxValue : (uint)file.Position;
            byte[] extra = Large
                ? [0x46, 0x42, 2, 0, 9, 9, 1, 0, 24, 0, .. Eight(bytes.Length), .. Eight(bytes.Length), .. Eight(file.Position)]
                : [];
            Write(file, 0x04034B50u, (ushort)20, (ushort)0, (ushort)0, 0u, 0u, 0u, 0u, (ushort)path.Length, (ushort)3);
            file.Write([.. path, 0, 0, 0, .. bytes]); // sizes stand in the directory, and a pad before the data
            Write(central, 0x02014B50u, (ushort)20, (ushort)20, (ushort)0, (ushort)0, 0u, 0u, length, length,
                (ushort)path.Length, (ushort)extra.Length, (ushort)0, (ushort)0, (ushort)0, 0u, place);
            central.Write([.. path, .. extra]);
        }

        long start = file.Position;
        file.Write(central.ToArray());
        if (Large)
        {
            long end = file.Position;
            Write(file, 0x06064B50u);
            file.Write([.. Eight(44), 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            file.Write([.. Eight(entries.Count), .. Eight(entries.Count), .. Eight(central.Length), .. Eight(start)]);
            Write(file, 0x07064B50u, 0u);
            file.Write([.. Eight(end), 1, 0, 0, 0]);
        }

        ushort count = Large ? ushort.MaxValue : (ushort)entries.Count;
        Write(file, 0x06054B50u, 0u, count, count, Large ? uint.MaxValue : (uint)central.Length,
            Large ? uint.MaxValue : (uint)start, (ushort)0);
        return file.ToArray();
    }

    private static byte[] Eight(long number) => BitConverter.GetBytes(number);

    private static void Write(MemoryStream file, params object[] numbers)
    {
        Span<byte> bytes = stackalloc byte[4];
        foreach (object number in numbers)
        {
            if (number is ushort two)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(bytes, two);
                file.Write(bytes[..2]);
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)number);
                file.Write(bytes);
            }
        }
    }
}
