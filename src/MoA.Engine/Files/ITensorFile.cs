namespace MoA.Engine.Files;

/// <summary>A mapped file with tensors by name.</summary>
internal interface ITensorFile : IDisposable
{
    /// <summary>The path that was opened.</summary>
    string Path { get; }

    /// <summary>Its bytes; disposed with it.</summary>
    MappedFile Mapping { get; }

    /// <summary>Names of the tensors.</summary>
    IReadOnlyCollection<string> Names { get; }

    /// <summary>What it says of each tensor.</summary>
    IEnumerable<TensorHeader> Headers { get; }

    /// <summary>Whether the file has a tensor of this name.</summary>
    bool Contains(string name);

    /// <summary>A tensor by name, of a format that weights may have; its memory is the file's.</summary>
    /// <exception cref="InvalidInputException">There is none, or its format or layout is not read.</exception>
    StoredTensor Find(string name);

    /// <summary>A tensor of bytes by name, which mean nothing by themselves.</summary>
    /// <exception cref="InvalidInputException">There is none, or it holds no bytes.</exception>
    (long[] Shape, nint Data) FindBytes(string name);
}
