namespace MoA.Engine.Files;

/// <summary>The tensors of a model on disk, by name.</summary>
internal interface ICheckpoint : IDisposable
{
    /// <summary>The mapped files, to be disposed with the weights.</summary>
    IReadOnlyList<MappedFile> Files { get; }

    /// <summary>What says which shapes are right, for messages: "config.json".</summary>
    string ShapesFrom { get; }

    /// <summary>What the files say of each tensor.</summary>
    IEnumerable<TensorHeader> Headers { get; }

    /// <summary>Whether the checkpoint names a tensor.</summary>
    bool Contains(string name);

    /// <summary>A tensor by name.</summary>
    /// <exception cref="InvalidInputException">There is none, or its format is not read.</exception>
    StoredTensor Find(string name);
}
