using System.Globalization;
using System.Runtime.InteropServices;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Files;

namespace MoA.Search.Profiling;

/// <summary>
/// The running sum of the influence of items at one length. Items are added in order, in double, and the sum can be
/// stored after each and taken up again: the result is the same to the last bit as if it had never been interrupted.
/// An item shorter than the length fills the upper left part of the grid of blocks.
/// </summary>
internal sealed class ProfileAccumulator
{
    private const string FingerprintKey = "fingerprint";
    private const string ItemsKey = "items";
    private const string LossKey = "lossSum";

    private readonly int _queryHeads;
    private readonly int _block;
    private readonly int _blocks;

    // The bytes of doubles, [queryHeads, blocks, blocks] for each layer, so that they can be written as they are.
    private readonly byte[][] _sums;
    private double _lossSum;

    /// <summary>Begins with no items.</summary>
    public ProfileAccumulator(int layers, int queryHeads, int length, int block = ElasticRule.BlockSize)
    {
        Length = length;
        _queryHeads = queryHeads;
        _block = block;
        _blocks = length / block;
        _sums = new byte[layers][];
        for (int layer = 0; layer < layers; layer++)
            _sums[layer] = new byte[queryHeads * _blocks * _blocks * sizeof(double)];
    }

    /// <summary>N in tokens.</summary>
    public int Length { get; }

    /// <summary>Items added so far.</summary>
    public int Items { get; private set; }

    /// <summary>Adds the next item.</summary>
    public void Add(ItemInfluence item)
    {
        for (int layer = 0; layer < _sums.Length; layer++)
        {
            Span<double> sum = MemoryMarshal.Cast<byte, double>(_sums[layer].AsSpan());
            ReadOnlySpan<float> added = item.Layers[layer];
            for (int row = 0; row < _queryHeads * item.Blocks; row++)
            {
                Span<double> to = sum[((row / item.Blocks * _blocks + row % item.Blocks) * _blocks)..];
                for (int key = 0; key < item.Blocks; key++)
                    to[key] += added[row * item.Blocks + key];
            }
        }

        _lossSum += item.Loss;
        Items++;
    }

    /// <summary>The mean over the items.</summary>
    public InfluenceProfile Mean(string model)
    {
        float[] values = new float[_sums.Length * _queryHeads * _blocks * _blocks];
        int i = 0;
        foreach (byte[] layer in _sums)
        {
            foreach (double sum in MemoryMarshal.Cast<byte, double>(layer.AsSpan()))
                values[i++] = (float)(sum / Items);
        }

        return new InfluenceProfile
        {
            Model = model,
            Length = Length,
            Layers = _sums.Length,
            QueryHeads = _queryHeads,
            Block = _block,
            Items = Items,
            MeanLoss = _lossSum / Items,
            Values = values,
        };
    }

    /// <summary>Stores the sum.</summary>
    /// <exception cref="InvalidInputException">The file cannot be written.</exception>
    public void Save(string path, string fingerprint)
    {
        Dictionary<string, string> metadata = new()
        {
            [FingerprintKey] = fingerprint,
            [ItemsKey] = Items.ToString(CultureInfo.InvariantCulture),
            [LossKey] = BitConverter.DoubleToInt64Bits(_lossSum).ToString(CultureInfo.InvariantCulture),
        };
        long[] shape = [_queryHeads, _blocks, _blocks];
        SafetensorsWriter.Write(path, metadata, _sums.Select(
            (sum, layer) => (TensorName(layer), "F64", shape, (ReadOnlyMemory<byte>)sum)));
    }

    /// <summary>
    /// Takes up a stored sum. Returns false, with nothing changed, if there is none, if it belongs to other work, or if
    /// the file is damaged: then the work starts over.
    /// </summary>
    public bool TryLoad(string path, string fingerprint)
    {
        if (!File.Exists(path))
            return false;
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            return TryLoad(file, fingerprint);
        }
        catch (InvalidInputException)
        {
            return false;
        }
    }

    private unsafe bool TryLoad(SafetensorsFile file, string fingerprint)
    {
        if (file.Metadata.GetValueOrDefault(FingerprintKey) != fingerprint
            || !NumberText.TryWhole(file.Metadata.GetValueOrDefault(ItemsKey), out int items)
            || !NumberText.TryWhole(file.Metadata.GetValueOrDefault(LossKey), out long lossBits)
            || items < 1)
        {
            return false;
        }

        for (int layer = 0; layer < _sums.Length; layer++)
        {
            string name = TensorName(layer);
            if (!file.Contains(name) || file[name].DType != "F64" || file[name].Length != _sums[layer].Length)
                return false;
        }

        for (int layer = 0; layer < _sums.Length; layer++)
            new ReadOnlySpan<byte>(file[TensorName(layer)].Data, _sums[layer].Length).CopyTo(_sums[layer]);
        _lossSum = BitConverter.Int64BitsToDouble(lossBits);
        Items = items;
        return true;
    }

    private static string TensorName(int layer) => string.Create(CultureInfo.InvariantCulture, $"sum.{layer}");
}
