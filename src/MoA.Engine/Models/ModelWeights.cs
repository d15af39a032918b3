using System.IO.Hashing;
using System.Text;
using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Models;

/// <summary>
/// All weights of a model and the memory they live in: mapped files, or buffers. Once disposed, no pass reads them.
/// </summary>
internal sealed class ModelWeights : IDisposable
{
    private readonly UseGuard _use = new("The weights are", typeof(ModelWeights));
    private readonly IReadOnlyList<IDisposable> _memory;
    private readonly List<PlacedWeights> _placed = [];

    /// <summary>Gathers the weights.</summary>
    /// <param name="embedding">[vocabulary, hidden].</param>
    /// <param name="layers">One per layer.</param>
    /// <param name="finalNorm">[hidden].</param>
    /// <param name="head">[vocabulary, hidden]; <paramref name="embedding"/> itself when tied.</param>
    /// <param name="storedHash">A hash over all weights as they are stored.</param>
    /// <param name="memory">What holds the memory; disposed with the weights.</param>
    internal ModelWeights(
        WeightTensor embedding,
        IReadOnlyList<LayerWeights> layers,
        WeightTensor finalNorm,
        WeightTensor head,
        string storedHash,
        IReadOnlyList<IDisposable> memory)
    {
        Embedding = embedding;
        Layers = layers;
        FinalNorm = finalNorm;
        Head = head;
        StoredHash = storedHash;
        _memory = memory;
        Bytes = All.Sum(weight => weight.Bytes);
    }

    /// <summary>One row per token, [vocabulary, hidden].</summary>
    public WeightTensor Embedding { get; }

    /// <summary>The layers, first to last.</summary>
    public IReadOnlyList<LayerWeights> Layers { get; }

    /// <summary>RMS norm after the last layer, [hidden].</summary>
    public WeightTensor FinalNorm { get; }

    /// <summary>
    /// The language-model head, [vocabulary, hidden]; the same object as <see cref="Embedding"/> when tied.
    /// </summary>
    public WeightTensor Head { get; }

    /// <summary>
    /// Tells weights apart by every one of their bytes: a hash over names, shapes and contents as they are stored, and over the
    /// formats that they are used in.
    /// </summary>
    public string Fingerprint => $"{StoredHash}-{Convert.ToHexStringLower(XxHash64.Hash(
        Encoding.UTF8.GetBytes(string.Join(' ', All.Select(weight => weight.Type.Name())))))}";

    /// <summary>The part of <see cref="Fingerprint"/> that does not change where weights are converted on loading.</summary>
    internal string StoredHash { get; }

    /// <summary>Bytes of all weights; a tied head counts once.</summary>
    public long Bytes { get; }

    /// <summary>Number of weights.</summary>
    public long Parameters => All.Sum(Elements);

    /// <summary>Number of weights that a token uses: all but those of the experts that it does not choose.</summary>
    /// <param name="config">The model's shape.</param>
    public long ActiveParameters(ModelConfig config) => Parameters - (long)Unused(config, 1, Elements);

    /// <summary>
    /// Bytes of weights that a decode step reads: all but single rows of an embedding that is not the head too, and of the experts at most
    /// as many as its tokens choose.
    /// </summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="tokens">Tokens of the step.</param>
    public double StepBytes(ModelConfig config, int tokens) =>
        Bytes - (ReferenceEquals(Head, Embedding) ? 0 : Embedding.Bytes) - Unused(config, tokens, weight => weight.Bytes);

    private double Unused(ModelConfig config, int tokens, Func<WeightTensor, long> measure)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.LayerDescriptions.Zip(Layers, (description, layer) => description.FeedForward.Experts is not { } experts ? 0
            : Math.Max(0, 1 - (double)tokens * experts.Used / experts.Count) * layer.FeedForward.SelectMany(network => network.All).Sum(measure)).Sum();
    }

    private static long Elements(WeightTensor weight) => (long)weight.Rows * weight.Columns;

    /// <summary>The formats that the weights are stored in.</summary>
    public IEnumerable<ElementType> ElementTypes => All.Select(weight => weight.Type).Distinct().Order();

    /// <summary>Keeps the weights' memory where it is while a pass reads it.</summary>
    /// <exception cref="ObjectDisposedException">The weights were disposed.</exception>
    internal UseGuard.Use Use() => _use.TakeShared();

    /// <summary>
    /// The weights as a device's operations take them: copies in its memory, or these where it reads them as they are stored and
    /// none were asked for. Who runs the same weights in the same place shares them; each disposes what it got.
    /// </summary>
    /// <param name="backend">The device; taken by the caller if it is to copy on the processor.</param>
    /// <param name="config">The model's shape.</param>
    /// <param name="copy">Whether the processor is to have copies of its own.</param>
    /// <param name="cancellation">Looked at between weights.</param>
    /// <exception cref="InvalidInputException">The device has no room or no kernels for them, or a file can no longer be read.</exception>
    /// <exception cref="OutOfMemoryException">The memory of copies is not to be had.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; no copies are left.</exception>
    internal PlacedWeights Place(ComputeBackend backend, ModelConfig config, bool copy = false, CancellationToken cancellation = default)
    {
        using UseGuard.Use use = Use();
        copy |= !backend.ReadsStored;
        lock (_placed)
        {
            PlacedWeights? placed = _placed.Find(placed => ReferenceEquals(placed.Backend, backend) && placed.IsCopy == copy);
            if (placed is null)
            {
                backend.CheckWeights(config, All);
                _placed.Add(placed = new PlacedWeights(this, backend, copy, _placed, cancellation));
            }

            placed.Share();
            return placed;
        }
    }

    /// <summary>Every weight once.</summary>
    public IEnumerable<WeightTensor> All =>
        Layers.SelectMany(layer => layer.All).Prepend(Embedding).Append(FinalNorm)
            .Concat(ReferenceEquals(Head, Embedding) ? [] : [Head]);

    /// <summary>Bytes that a copy takes on the processor: those of the matrices that passes multiply with.</summary>
    public long CopyBytes => Layers.SelectMany(layer => layer.All).Append(Head).Where(IsMatrix).Sum(weight => weight.Bytes);

    /// <summary>Whether a weight is a matrix: no norm and no bias.</summary>
    internal static bool IsMatrix(WeightTensor weight) => weight.Rows > 1;

    /// <summary>Reads a mapped weight into memory; see <see cref="MappedFile.Populate"/>.</summary>
    /// <exception cref="InvalidInputException">It can no longer be read.</exception>
    internal unsafe void Populate(WeightTensor weight)
    {
        FileOf(weight.Data)?.Populate((byte*)weight.Data, weight.DataBytes);
        FileOf(weight.Exponents)?.Populate(weight.Exponents, weight.ExponentBytes);
    }

    /// <summary>Takes a mapped weight out of this process's memory until it is read again.</summary>
    internal unsafe void Release(WeightTensor weight)
    {
        FileOf(weight.Data)?.Release((byte*)weight.Data, weight.DataBytes);
        FileOf(weight.Exponents)?.Release(weight.Exponents, weight.ExponentBytes);
    }

    private unsafe MappedFile? FileOf(void* data) => _memory.OfType<MappedFile>().FirstOrDefault(file => file.Contains(data));

    /// <summary>Waits for passes that read the weights, and frees their memory.</summary>
    public void Dispose()
    {
        if (!_use.Close())
            return;
        foreach (IDisposable memory in _memory)
            memory.Dispose();
    }
}
