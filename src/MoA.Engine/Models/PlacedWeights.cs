using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models;

/// <summary>
/// A model's weights as one backend's operations take them, shared by all that run them there: copies in the backend's memory or,
/// on a backend that reads them as they are stored, the stored ones.
/// </summary>
internal sealed class PlacedWeights : IDisposable
{
    private readonly List<PlacedWeights> _all;
    private readonly List<IDisposable> _copies = [];
    private int _users;

    /// <summary>Places every weight.</summary>
    /// <param name="weights">As stored.</param>
    /// <param name="backend">Where to.</param>
    /// <param name="isCopy">Whether what is multiplied is copied; backends that do not read stored weights copy everything.</param>
    /// <param name="all">The places that are shared; its lock guards the users.</param>
    /// <param name="cancellation">Looked at between weights.</param>
    public PlacedWeights(ModelWeights weights, ComputeBackend backend, bool isCopy, List<PlacedWeights> all, CancellationToken cancellation)
    {
        _all = all;
        Backend = backend;
        IsCopy = isCopy;
        try
        {
            // Rows are looked up where they are stored, where that can be read.
            Embedding = backend.ReadsStored ? weights.Embedding : Place(weights.Embedding);
            Layers = [.. weights.Layers.Select(layer => layer.Convert(Place))];
            FinalNorm = Place(weights.FinalNorm);
            Head = ReferenceEquals(weights.Head, weights.Embedding) && !backend.ReadsStored ? Embedding : Place(weights.Head);
        }
        catch
        {
            Free();
            throw;
        }

        WeightTensor Place(WeightTensor weight)
        {
            if (!isCopy || (backend.ReadsStored && !ModelWeights.IsMatrix(weight)))
                return weight;
            cancellation.ThrowIfCancellationRequested();
            weights.Populate(weight);
            WeightTensor placed = backend.Place(weight);
            if (placed is IDisposable copy)
            {
                _copies.Add(copy);
                CopiedBytes += weight.Bytes;
                weights.Release(weight);
            }

            return placed;
        }
    }

    public ComputeBackend Backend { get; }

    /// <summary>Whether the backend has them in memory of its own.</summary>
    public bool IsCopy { get; }

    /// <summary>Bytes of the weights that were copied, as they are stored.</summary>
    public long CopiedBytes { get; private set; }

    public WeightTensor Embedding { get; }

    public IReadOnlyList<LayerWeights> Layers { get; }

    public WeightTensor FinalNorm { get; }

    /// <summary>What rows are multiplied with for logits; where the model's is tied, of the same numbers as <see cref="Embedding"/>.</summary>
    public WeightTensor Head { get; }

    /// <summary>Counts another user.</summary>
    public void Share() => _users++;

    /// <summary>One user less; the last one's copies are freed.</summary>
    public void Dispose()
    {
        lock (_all)
        {
            if (--_users > 0)
                return;
            _all.Remove(this);
            Free();
        }
    }

    private void Free()
    {
        foreach (IDisposable copy in _copies)
            copy.Dispose();
        _copies.Clear();
    }
}
