namespace MoA.Engine.Files;

/// <summary>
/// A memory-mapped GGUF file of version 2 or 3, little-endian (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
/// The whole header is checked against the file's length when the file is opened, so every value and tensor that can be
/// asked for lies within the file. The file must not be cut short while open.
/// </summary>
internal sealed unsafe class GgufFile : IDisposable
{
    private const int LeastBytes = 24;

    private readonly MappedFile _file;
    private readonly GgufHeader _header;

    private GgufFile(string path, MappedFile file)
    {
        Path = path;
        _file = file;
        _header = GgufHeader.Read(path, file.Data, file.Length);
    }

    /// <summary>The path that was opened.</summary>
    public string Path { get; }

    /// <summary>Its bytes; disposed with it.</summary>
    public MappedFile Mapping => _file;

    /// <summary>The values beside the tensors.</summary>
    public GgufMetadata Metadata => _header.Metadata;

    /// <summary>The tensors in the order of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors => _header.Tensors;

    /// <summary>What stands before the tensors: metadata, and the tensors' names, shapes and places.</summary>
    public ReadOnlySpan<byte> Header => new(_file.Data, (int)_header.DataStart);

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read, is cut short, or is not a well-formed GGUF
    /// file.</exception>
    public static GgufFile Open(string path)
    {
        MappedFile file = MappedFile.Open(path, LeastBytes, "a GGUF file");
        try
        {
            return new GgufFile(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The first byte of a tensor of this file.</summary>
    public byte* DataOf(GgufTensor tensor) => _file.Data + _header.DataStart + tensor.Offset;

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
