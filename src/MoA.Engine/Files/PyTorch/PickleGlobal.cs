namespace MoA.Engine.Files.PyTorch;

/// <summary>
/// A name that a pickle may mention; there is no other. None is looked up or called: each is a word that
/// <see cref="PickleReader"/> knows the meaning of.
/// </summary>
/// <param name="Kind">What it means.</param>
/// <param name="Type">Of an element type or a storage class, the element type's name.</param>
/// <param name="ElementBytes">Bytes of an element; 0 where the storage does not say.</param>
internal sealed record PickleGlobal(PickleGlobal.Meaning Kind, string Type = "", int ElementBytes = 0)
{
    public enum Meaning
    {
        OrderedDict,
        Size,
        Tensor,
        TensorWithType,
        Parameter,
        Storage,
        ElementType,
    }

    private static readonly Dictionary<(string Module, string Name), PickleGlobal> Allowed = Create();

    /// <summary>The meaning of a name, or null if it has none here.</summary>
    public static PickleGlobal? Find(string module, string name) => Allowed.GetValueOrDefault((module, name));

    private static Dictionary<(string, string), PickleGlobal> Create()
    {
        Dictionary<(string, string), PickleGlobal> allowed = new()
        {
            [("collections", "OrderedDict")] = new(Meaning.OrderedDict),
            [("torch", "Size")] = new(Meaning.Size),
            [("torch._utils", "_rebuild_tensor")] = new(Meaning.Tensor),
            [("torch._utils", "_rebuild_tensor_v2")] = new(Meaning.Tensor),
            [("torch._utils", "_rebuild_tensor_v3")] = new(Meaning.TensorWithType),
            [("torch._utils", "_rebuild_parameter")] = new(Meaning.Parameter),
            [("torch", "UntypedStorage")] = new(Meaning.Storage),
            [("torch.storage", "UntypedStorage")] = new(Meaning.Storage),
        };
        foreach ((string type, string? storage, int bytes) in ElementTypes)
        {
            allowed.Add(("torch", type), new(Meaning.ElementType, type, bytes));
            if (storage is not null)
                allowed.Add(("torch", storage + "Storage"), new(Meaning.Storage, type, bytes));
        }

        return allowed;
    }

    private static IEnumerable<(string Type, string? Storage, int Bytes)> ElementTypes =>
    [
        ("float32", "Float", 4), ("float16", "Half", 2), ("bfloat16", "BFloat16", 2), ("float64", "Double", 8),
        ("int64", "Long", 8), ("int32", "Int", 4), ("int16", "Short", 2), ("int8", "Char", 1), ("uint8", "Byte", 1),
        ("bool", "Bool", 1), ("complex64", "ComplexFloat", 8), ("complex128", "ComplexDouble", 16), ("quint8", "QUInt8", 1),
        ("qint8", "QInt8", 1), ("qint32", "QInt32", 4), ("uint16", null, 2), ("uint32", null, 4), ("uint64", null, 8),
        ("float8_e4m3fn", null, 1), ("float8_e5m2", null, 1), ("float8_e4m3fnuz", null, 1), ("float8_e5m2fnuz", null, 1),
        ("float8_e8m0fnu", null, 1),
    ];
}
