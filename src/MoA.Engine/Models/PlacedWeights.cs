using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models;

/// <summary>A model's weights as one backend's operations take them, shared by all that run them there.</summary>
internal sealed class PlacedWeights : IDisposable
{
    private readonly List<PlacedWeights> _all;
    private readonly List<IDisposable> _copies = [];
    private int _users;

    /// <summary>Places every weight.</summary>
    /// <param name="weights">As stored.</param>
    /// <param name="backend">Where to.</param>
    /// <param name="all">The places that are shared; its lock guards the users.</param>
    public PlacedWeights(ModelWeights weights, ComputeBackend backend, List<PlacedWeights> all)
    {
        _all = all;
        Backend = backend;
        try
        {
            Embedding = Place(weights.Embedding);
            Layers = [.. weights.Layers.Select(layer => layer.Convert(Place))];
            FinalNorm = Place(weights.FinalNorm);
            Head = ReferenceEquals(weights.Head, weights.Embedding) ? Embedding : Place(weights.Head);
        }
        catch
        {
            Free();
            throw;
        }
    }

    public ComputeBackend Backend { get; }

    public WeightTensor Embedding { get; }

    public IReadOnlyList<LayerWeights> Layers { get; }

    public WeightTensor FinalNorm { get; }

    /// <summary>The same object as <see cref="Embedding"/> when tied.</summary>
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

    private WeightTensor Place(WeightTensor weight)
    {
        WeightTensor placed = Backend.Place(weight);
        if (placed is IDisposable copy)
            _copies.Add(copy);
        return placed;
    }

    private void Free()
    {
        foreach (IDisposable copy in _copies)
            copy.Dispose();
        _copies.Clear();
    }
}
