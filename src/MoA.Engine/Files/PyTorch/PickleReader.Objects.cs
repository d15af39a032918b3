namespace MoA.Engine.Files.PyTorch;

/// <summary>What the names and calls of a pickle stand for: tensors and storages, described and not made.</summary>
internal ref partial struct PickleReader
{
    private readonly PickleGlobal Global(string module, string name) => PickleGlobal.Find(module, name) ?? throw Fault(
        $"names {InputFile.Cut(module)}.{InputFile.Cut(name)}, which was not executed; expected a dictionary of tensors and nothing else");

    private readonly object? Build(PickleGlobal global, object?[] arguments) => (global.Kind, arguments) switch
    {
        (PickleGlobal.Meaning.OrderedDict, []) => new PickleMap(),
        (PickleGlobal.Meaning.Size, [object?[] size]) => size,
        (PickleGlobal.Meaning.Parameter, [TorchTensor tensor, ..]) => tensor,
        (PickleGlobal.Meaning.Tensor, [TorchStorage { Type.Length: > 0 } storage, long offset, object?[] size, object?[] strides, ..]) =>
            Tensor(storage, PickleGlobal.Find("torch", storage.Type)!, offset, size, strides),
        (PickleGlobal.Meaning.TensorWithType,
            [TorchStorage storage, long offset, object?[] size, object?[] strides, _, _, PickleGlobal { Kind: PickleGlobal.Meaning.ElementType } type, ..]) =>
            Tensor(storage, type, offset, size, strides),
        _ => throw Fault("builds something from values that do not fit it"),
    };

    private readonly TorchTensor Tensor(TorchStorage storage, PickleGlobal type, long offset, object?[] size, object?[] strides)
    {
        long[] shape = Sizes(size), steps = Sizes(strides);
        if (offset < 0 || shape.Length != steps.Length)
            throw Fault("describes a tensor whose offset, size and strides do not fit each other");
        return new TorchTensor(storage, type.Type, type.ElementBytes, offset, shape, steps);
    }

    private readonly long[] Sizes(object?[] numbers)
    {
        long[] sizes = new long[numbers.Length];
        for (int i = 0; i < sizes.Length; i++)
            sizes[i] = numbers[i] is long size and >= 0 ? size : throw Fault("describes a tensor with a size or stride that is no number from 0");
        return sizes;
    }

    // ('storage', class, key, device, elements)
    private readonly TorchStorage Storage(object?[] id) =>
        id is ["storage", PickleGlobal { Kind: PickleGlobal.Meaning.Storage } type, string key, string, long elements, ..] && elements >= 0
            ? new TorchStorage(key, type.Type, elements)
            : throw Fault("refers to something outside that is no storage of a tensor");
}
