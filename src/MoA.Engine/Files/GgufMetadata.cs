namespace MoA.Engine.Files;

/// <summary>
/// The metadata of a GGUF file, read with range checks. Every fault is an <see cref="InvalidInputException"/> that names
/// the file, the key and the value.
/// </summary>
internal sealed class GgufMetadata(string path)
{
    private readonly Dictionary<string, GgufValue> _values = new(StringComparer.Ordinal);
    private readonly List<string> _keys = [];

    /// <summary>The keys in the order of the file.</summary>
    public IReadOnlyList<string> Keys => _keys;

    /// <summary>A value as it is stored.</summary>
    public GgufValue this[string key] => _values[key];

    /// <summary>Adds a value.</summary>
    /// <exception cref="InvalidInputException">The key is there already.</exception>
    public void Add(string key, GgufValue value)
    {
        if (!_values.TryAdd(key, value))
            throw Fault($"the metadata key \"{InputFile.Cut(key)}\" stands there twice");
        _keys.Add(key);
    }

    public bool Has(string key) => _values.ContainsKey(key);

    /// <summary>A whole number in a range; the default, or a fault without one, if it is missing.</summary>
    public int Int(string key, int least, int most, int? missing = null) =>
        OptionalInt(key, least, most) ?? missing ?? throw Missing(key);

    /// <summary>A whole number in a range, or null if it is missing.</summary>
    public int? OptionalInt(string key, int least, int most)
    {
        if (!_values.TryGetValue(key, out GgufValue value))
            return null;
        return !value.IsArray && value.Integer(0) is long number && number >= least && number <= most
            ? (int)number
            : throw Wrong(key, value, $"a whole number from {least} to {most}");
    }

    /// <summary>
    /// A whole number in a range, or null if it is missing or, as writers say that there is none, -1 in any width.
    /// </summary>
    public int? OptionalIntOrNone(string key, int least, int most) =>
        _values.TryGetValue(key, out GgufValue value) && !value.IsArray && value.IsMinusOne ? null : OptionalInt(key, least, most);

    /// <summary>A token's id, or null if it is missing or -1.</summary>
    public int? OptionalId(string key, int vocabulary) => OptionalIntOrNone(key, 0, vocabulary - 1);

    /// <summary>
    /// A whole number in a range that a file states once or once a layer, as llama.cpp reads it; null if it is missing.
    /// </summary>
    /// <exception cref="InvalidInputException">It is not in the range, layers differ, or there are more or fewer numbers than
    /// layers.</exception>
    public int? OptionalIntOfLayers(string key, int least, int most, int layers)
    {
        if (!_values.TryGetValue(key, out GgufValue value) || !value.IsArray)
            return OptionalInt(key, least, most);
        if (value.Count != layers)
            throw Wrong(key, value, $"one number, or one for each of {layers} layers");
        for (int layer = 0; layer < layers; layer++)
        {
            if (value.Integer(layer) is not long number || number < least || number > most)
                throw Wrong(key, value, $"whole numbers from {least} to {most}");
            if (number != value.Integer(0))
                throw Fault($"\"{key}\" is {value.Integer(0)} for layer 0 and {number} for layer {layer}; expected the same for every layer");
        }

        return (int)value.Integer(0)!.Value;
    }

    /// <summary>A finite number in a range, or null if it is missing.</summary>
    public double? OptionalDouble(string key, double least, double most)
    {
        if (!_values.TryGetValue(key, out GgufValue value))
            return null;
        if (!value.IsArray && value.Number(0) is double number && number >= least && number <= most)
            return number;
        string from = least == double.Epsilon ? "above 0 and" : FormattableString.Invariant($"from {least}");
        throw Wrong(key, value, FormattableString.Invariant($"a number {from} up to {most}"));
    }

    /// <summary>True or false; the default if it is missing.</summary>
    public bool Bool(string key, bool missing)
    {
        if (!_values.TryGetValue(key, out GgufValue value))
            return missing;
        return (value.IsArray ? null : value.Bool(0)) ?? throw Wrong(key, value, "true or false");
    }

    /// <summary>A string; a fault if it is missing.</summary>
    public string String(string key) => OptionalString(key) ?? throw Missing(key);

    /// <summary>A string, or null if it is missing.</summary>
    public string? OptionalString(string key)
    {
        if (!_values.TryGetValue(key, out GgufValue value))
            return null;
        return value is { IsArray: false, Type: GgufValueType.String } ? value.Strings()[0] : throw Wrong(key, value, "a string");
    }

    /// <summary>A list of strings, or null if it is missing.</summary>
    public List<string>? OptionalStrings(string key)
    {
        if (!_values.TryGetValue(key, out GgufValue value))
            return null;
        return value is { IsArray: true, Type: GgufValueType.String } ? value.Strings() : throw Wrong(key, value, "a list of strings");
    }

    /// <summary>A list of numbers, or null if it is missing.</summary>
    public float[]? OptionalFloats(string key)
    {
        if (!_values.TryGetValue(key, out GgufValue value))
            return null;
        bool isNumber = value.Type is GgufValueType.Float32 or GgufValueType.Float64 || value.Type.IsInteger();
        if (!value.IsArray || !isNumber || value.Count > Array.MaxLength)
            throw Wrong(key, value, "a list of numbers");
        float[] numbers = new float[value.Count];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = (float)(value.Number(i) ?? throw Wrong(key, value, "a list of numbers"));
        return numbers;
    }

    /// <summary>A list of flags, or null if it is missing.</summary>
    public bool[]? OptionalBools(string key)
    {
        if (!_values.TryGetValue(key, out GgufValue value))
            return null;
        if (!value.IsArray || value.Count > Array.MaxLength)
            throw Wrong(key, value, "a list of true or false");
        bool[] flags = new bool[value.Count];
        for (int i = 0; i < flags.Length; i++)
            flags[i] = value.Bool(i) ?? throw Wrong(key, value, "a list of true or false");
        return flags;
    }

    /// <summary>The fault that a key has an unusable value.</summary>
    public InvalidInputException Wrong(string key, GgufValue value, string expected) =>
        Fault($"\"{key}\" is {value.Shown()}; expected {expected}");

    /// <summary>The fault that a key is not there.</summary>
    public InvalidInputException Missing(string key) => Fault($"the metadata has no \"{key}\"");

    /// <summary>Any other fault of the file.</summary>
    public InvalidInputException Fault(string problem) => InputFile.Error(path, problem);
}
