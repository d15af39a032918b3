using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>Loads a model's matrices in another format than they are stored in.</summary>
internal sealed class WeightConversion : IDisposable
{
    private readonly ElementType _type;
    private readonly ParallelOptions _parallel;
    private readonly NativeAllocator _allocator = new();
    private readonly List<NativeBuffer<byte>> _memory = [];

    private WeightConversion(ElementType type, ParallelOptions parallel)
    {
        _type = type;
        _parallel = parallel;
    }

    /// <summary>
    /// The model with its matrices converted, in memory of its own; the one given is disposed. Norms, biases and routers keep
    /// their formats. A matrix whose rows are no multiple of the format's blocks becomes Q8_0, or BF16.
    /// </summary>
    /// <param name="model">A loaded model.</param>
    /// <param name="type">Format of the matrices.</param>
    /// <param name="parallel">Most threads to use, and what ends the work.</param>
    /// <exception cref="InvalidInputException">A number is beyond the range of the format.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static LoadedModel Convert(LoadedModel model, ElementType type, ParallelOptions parallel)
    {
        using LoadedModel source = model;
        WeightConversion conversion = new(type, parallel);
        try
        {
            return new LoadedModel(source.Config, Map(source.Weights, conversion.Convert, source.Weights.StoredHash, [conversion]), source.Generation, source.Name);
        }
        catch
        {
            conversion.Dispose();
            throw;
        }
    }

    /// <summary>The weights as they would be, without their contents.</summary>
    public static unsafe ModelWeights Plan(ModelWeights weights, ElementType type) => Map(
        weights, (source, keeps) => new WeightTensor(source.Name, keeps ? source.Type : TypeOf(source, type), source.Rows, source.Columns, null), "", []);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (NativeBuffer<byte> buffer in _memory)
            buffer.Dispose();
    }

    // Routers, which are small and decide, keep their format.
    private static ModelWeights Map(ModelWeights weights, Func<WeightTensor, bool, WeightTensor> convert, string hash, IReadOnlyList<IDisposable> memory)
    {
        WeightTensor embedding = convert(weights.Embedding, false);
        LayerWeights[] layers = [.. weights.Layers.Select(layer => layer.Convert(weight => convert(weight, ReferenceEquals(weight, layer.Router))))];
        WeightTensor finalNorm = convert(weights.FinalNorm, false);
        WeightTensor head = ReferenceEquals(weights.Head, weights.Embedding) ? embedding : convert(weights.Head, false);
        return new ModelWeights(embedding, layers, finalNorm, head, hash, memory);
    }

    private static ElementType TypeOf(WeightTensor source, ElementType type) =>
        source.Rows == 1 ? source.Type : GgufTensorPlan.MatrixType(type, source.Columns);

    private unsafe WeightTensor Convert(WeightTensor source, bool keepsFormat)
    {
        ElementType type = keepsFormat ? source.Type : TypeOf(source, _type);
        long bytes = source.Rows * type.RowBytes(source.Columns);
        NativeBuffer<byte> buffer = new(_allocator, bytes);
        _memory.Add(buffer);
        using UnmanagedMemoryStream memory = new(buffer.Data, bytes, bytes, FileAccess.Write);
        new TensorConversion(source, type, _parallel).Write(memory);
        return new WeightTensor(source.Name, type, source.Rows, source.Columns, buffer.Data);
    }
}
