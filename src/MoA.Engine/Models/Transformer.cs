using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Models;

/// <summary>
/// The forward pass of a model (docs/method.md, section 1): embeds a batch of tokens, runs every layer
/// against the sequences' caches, and gives logits for the rows that are asked for. Knows nothing of which rows a policy
/// keeps, nor of the device beyond <see cref="ComputeBackend"/>. One caller at a time: a second one gets an exception before
/// its pass touches anything.
/// </summary>
internal sealed class Transformer : IDisposable
{
    /// <summary>Most rows whose logits can be asked for at once.</summary>
    public const int MaxLogitRows = 64;

    private readonly UseGuard _use = new("The model is", typeof(Transformer));
    private readonly ModelWeights _stored;
    private PlacedWeights _weights;
    private readonly List<Tensor> _tensors = [];
    private readonly ForwardLayers _layers;
    private readonly Tensor _lastRows;
    private readonly Tensor _logits;
    private ForwardBatch? _last;
    private int _rows;

    /// <summary>Makes a loaded model ready to run; allocates its workspace.</summary>
    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="backend">The device; stays the caller's.</param>
    /// <param name="maxRows">Most tokens in one pass: the prefill chunk; 0 for what suits the device.</param>
    /// <exception cref="InvalidInputException">The device has no room or no kernels for the model.</exception>
    public Transformer(LoadedModel model, ComputeBackend backend, int maxRows = 0)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentOutOfRangeException.ThrowIfNegative(maxRows);
        maxRows = maxRows > 0 ? maxRows : backend.PassTokens;
        Config = model.Config;
        Backend = backend;
        MaxRows = maxRows;
        _stored = model.Weights;
        _weights = _stored.Place(backend, Config);
        try
        {
            backend.CheckRoom(WorkspaceBytes(Config, maxRows), "activations", "read prompts in smaller pieces, use smaller weights or another device");
            _layers = new ForwardLayers(Config, _stored, backend, maxRows, Allocate);
            _lastRows = Allocate(MaxLogitRows, Config.HiddenSize);
            _logits = Allocate(MaxLogitRows, Config.VocabularySize);
        }
        catch
        {
            Free();
            throw;
        }
    }

    /// <summary>The model's shape.</summary>
    public ModelConfig Config { get; }

    /// <summary>The device it runs on.</summary>
    public ComputeBackend Backend { get; }

    /// <summary>Most tokens in one pass.</summary>
    public int MaxRows { get; }

    /// <summary>Bytes of the weights, wherever they are.</summary>
    public long WeightBytes => _stored.Bytes;

    /// <summary>Whether passes read copies of the weights: always on a device, on the processor after <see cref="CopyWeights"/>.</summary>
    public bool HasCopiedWeights => _weights.IsCopy;

    /// <summary>How many of <see cref="WeightBytes"/> are in the device's own memory, where it counts them; the others are where they were loaded.</summary>
    public long CopiedWeightBytes => _weights.CopiedBytes;

    /// <summary>How the model is told to repeat a text, for policies that read prompts twice.</summary>
    internal Lazy<RepetitionPrompt> Repetition { get; init; } = new(RepetitionPrompt.None);

    /// <inheritdoc cref="ForwardLayers.Probe"/>
    internal AttentionProbe? Probe
    {
        get => _layers.Probe;
        set => _layers.Probe = value;
    }

    /// <summary>What the model's tokens are, for policies that keep some kinds.</summary>
    internal Lazy<TokenKind[]> Kinds { get; init; } = new(() => TokenKinds.Of(null));

    /// <summary>Takes the times of each operation while a step of it runs; null else.</summary>
    internal PassClock? Clock { get; set; }

    /// <summary>θ of each pair of components in a text of some length, scaled as a kind of rotary embedding says; radians a token.</summary>
    internal static double[] RopeFrequencies(ModelConfig config, RopeSettings rope, int length = 1)
    {
        double[] frequencies = new double[config.RotaryDimensions / 2];
        rope.Scaling.Frequencies(rope.Theta, length, frequencies);
        return frequencies;
    }

    /// <summary>Bytes of what a pass works in, caches and weights aside.</summary>
    /// <param name="config">The model.</param>
    /// <param name="maxRows">Most tokens in one pass.</param>
    public static long WorkspaceBytes(ModelConfig config, int maxRows)
    {
        ArgumentNullException.ThrowIfNull(config);
        return ForwardLayers.BytesOf(config, maxRows) + 4L * MaxLogitRows * (config.HiddenSize + (long)config.VocabularySize);
    }

    /// <summary>
    /// Copies what passes multiply with into memory of the processor's backend, laid out as its products read it: in huge pages
    /// where the system gives them, spread over all memory nodes. Until then every pass lays out what it reads anew. All transformers
    /// of the same weights on the same backend share one copy. Nothing happens on a device, which always has copies.
    /// </summary>
    /// <param name="cancellation">Looked at between weights; until all are copied, passes read them where they are.</param>
    /// <exception cref="InvalidInputException">A file can no longer be read.</exception>
    /// <exception cref="OutOfMemoryException">The memory is not to be had.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing is left of the copy.</exception>
    /// <exception cref="ObjectDisposedException">The model, its weights or the backend was disposed.</exception>
    /// <exception cref="InvalidOperationException">Another caller is using one of them.</exception>
    public void CopyWeights(CancellationToken cancellation = default)
    {
        using UseGuard.Use model = _use.TakeAlone();
        using UseGuard.Use device = Backend.Use();
        PlacedWeights placed = _stored.Place(Backend, Config, copy: true, cancellation);
        _weights.Dispose();
        _weights = placed;
    }

    /// <summary>A batch of this model's size.</summary>
    public ForwardBatch CreateBatch() => new(Config, MaxRows);

    /// <summary>Caches for a sequence of up to <paramref name="capacity"/> tokens.</summary>
    /// <exception cref="InvalidInputException">There is no room, or prompts are read in smaller pieces than the policy needs.</exception>
    public SequenceCache CreateSequence(AttentionPolicy policy, int capacity, ElementType cacheType = ElementType.BF16)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return policy.Prefill is { } prefill && prefill.Piece > MaxRows
            ? throw new InvalidInputException(
                $"policy {policy.FullName} reads prompts in pieces of {prefill.Piece} tokens, more than the {MaxRows} of a pass; choose a smaller piece")
            : new SequenceCache(Config, policy, capacity, cacheType, Backend.CacheMemory);
    }

    /// <summary>
    /// Runs the batch: stores its keys and values in the sequences' caches, advances their lengths, and leaves the last
    /// layer's output for <see cref="Logits"/>.
    /// </summary>
    /// <param name="batch">The tokens.</param>
    /// <param name="cancellation">
    /// Checked between layers. A pass that was cut off adds no token; caches of which it has overwritten rows refuse to go on.
    /// </param>
    /// <exception cref="ObjectDisposedException">The model, its weights, the backend or a sequence was disposed.</exception>
    /// <exception cref="ArgumentException">The batch was made for another model, or has more rows than a pass.</exception>
    /// <exception cref="InvalidOperationException">Another caller is using one of them, or a sequence went on since it was
    /// added. No sequence has changed.</exception>
    public void Forward(ForwardBatch batch, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        using UseGuard.Use model = _use.TakeAlone();
        using UseGuard.Use device = Backend.Use();
        using UseGuard.Use weights = _stored.Use();
        for (int i = 0; i < batch.Work.SegmentCount; i++)
        {
            if (SecondReading.IsDue(batch.Work.Segments[i]))
                RunAgain(batch.Work.Segments[i].Cache, cancellation);
        }

        Run(batch, cancellation);
    }

    /// <summary>Reads a sequence's prompt a second time now, if that is due, rather than in its first step.</summary>
    /// <param name="sequence">The caches.</param>
    /// <param name="cancellation">Checked between layers.</param>
    internal void ReadAgain(SequenceCache sequence, CancellationToken cancellation = default)
    {
        using UseGuard.Use model = _use.TakeAlone();
        using UseGuard.Use device = Backend.Use();
        using UseGuard.Use weights = _stored.Use();
        if (sequence.AwaitsSecondReading)
            RunAgain(sequence, cancellation);
    }

    // A method of its own: what it allocates is not for steps that read nothing again.
    private void RunAgain(SequenceCache sequence, CancellationToken cancellation) =>
        SecondReading.Run(sequence, Repetition.Value, Config.LongestText, CreateBatch(), part => Run(part, cancellation));

    private void Run(ForwardBatch batch, CancellationToken cancellation)
    {
        using ForwardBatch.Held sequences = batch.Hold(Config);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch.Rows, MaxRows);
        for (int i = 0; i < batch.Work.SegmentCount; i++)
        {
            if (!Backend.Holds(batch.Work.Segments[i].Cache))
                throw new ArgumentException("Caches are in another device's memory; let the model that reads them create them.", nameof(batch));
        }

        for (int i = 0; i < batch.Work.SegmentCount; i++)
        {
            AttentionSegment segment = batch.Work.Segments[i];
            if (segment.Cache.GoesByKind)
                segment.Cache.Kinds.Note(segment.Cache.Length, batch.Tokens.Slice(segment.FirstRow, segment.Rows), Kinds.Value);
        }

        _last = null;
        Backend.Prepare(batch.Work);
        Clock?.Begin(PassOperation.Rope);
        _layers.Prepare(batch);
        Clock?.Begin(PassOperation.Embedding);
        Backend.Embed(batch.Tokens, _weights.Embedding, _layers.Hidden);
        if (Config.EmbeddingScale != 1)
            Backend.Scale(_layers.Hidden, batch.Rows, (float)Config.EmbeddingScale);
        bool ended = false;
        try
        {
            for (int layer = 0; layer < Config.Layers; layer++)
            {
                cancellation.ThrowIfCancellationRequested();
                _layers.Run(batch, layer, _weights.Layers[layer], Clock);
            }

            ended = true;
        }
        finally
        {
            Clock?.Begin(PassOperation.Other);
            for (int i = 0; i < batch.Work.SegmentCount; i++)
            {
                AttentionSegment segment = batch.Work.Segments[i];
                if (ended && segment.Mode == AttentionMode.Prefill)
                    segment.Cache.Advance(batch.Tokens.Slice(segment.FirstRow, segment.Rows), segment.ToCome);
                else if (ended)
                    segment.Cache.Advance(segment.Rows);
                else
                    segment.Cache.CutOff(segment.Rows);
            }
        }

        (_last, _rows) = (batch, batch.Rows);
    }

    /// <summary>Logits of chosen rows of the last pass. Nothing is computed for rows that nobody asks for.</summary>
    /// <param name="batch">The batch of that pass: what another caller has run since has other rows.</param>
    /// <param name="rows">Rows of the batch, at most <see cref="MaxLogitRows"/>.</param>
    /// <param name="logits">Takes the logits, [rows, vocabulary].</param>
    /// <exception cref="ObjectDisposedException">The model, its weights or the backend was disposed.</exception>
    /// <exception cref="InvalidOperationException">The last pass was not this batch's, or another caller is using the
    /// model.</exception>
    public void Logits(ForwardBatch batch, ReadOnlySpan<int> rows, Span<float> logits)
    {
        ArgumentNullException.ThrowIfNull(batch);
        using UseGuard.Use model = _use.TakeAlone();
        using UseGuard.Use device = Backend.Use();
        using UseGuard.Use weights = _stored.Use();
        ArgumentOutOfRangeException.ThrowIfLessThan((long)logits.Length, (long)rows.Length * Config.VocabularySize, nameof(logits));
        ComputeLogits(batch, rows);
        Backend.Read(_logits, rows.Length, logits);
        Clock?.Begin(PassOperation.Other);
    }

    /// <summary>Draws a token for chosen rows of the last pass where the device does so itself; -1 where logits are not finite.</summary>
    /// <param name="batch">The batch of that pass.</param>
    /// <param name="rows">Rows of the batch, at most <see cref="MaxLogitRows"/>.</param>
    /// <param name="draws">How, for each row.</param>
    /// <param name="tokens">Takes the tokens.</param>
    internal void Draw(ForwardBatch batch, ReadOnlySpan<int> rows, ReadOnlySpan<TokenDraw> draws, Span<int> tokens)
    {
        using UseGuard.Use model = _use.TakeAlone();
        using UseGuard.Use device = Backend.Use();
        using UseGuard.Use weights = _stored.Use();
        ComputeLogits(batch, rows);
        Clock?.Begin(PassOperation.Draw);
        Backend.Draw(_logits, draws, tokens);
        Clock?.Begin(PassOperation.Other);
    }

    /// <summary>Draws once more from the logits that were drawn from last.</summary>
    internal void DrawAgain(ReadOnlySpan<TokenDraw> draws, Span<int> tokens)
    {
        using UseGuard.Use model = _use.TakeAlone();
        using UseGuard.Use device = Backend.Use();
        Clock?.Begin(PassOperation.Draw);
        Backend.Draw(_logits, draws, tokens);
        Clock?.Begin(PassOperation.Other);
    }

    /// <summary>Waits for a pass that is running, and frees the workspace.</summary>
    public void Dispose()
    {
        if (_use.Close())
            Free();
    }

    private void ComputeLogits(ForwardBatch batch, ReadOnlySpan<int> rows)
    {
        if (!ReferenceEquals(batch, _last))
            throw new InvalidOperationException("The batch has not been run, or another one has been since.");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows.Length, MaxLogitRows);
        foreach (int row in rows)
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)_rows, nameof(rows));
        if (rows.IsEmpty)
            return;
        Clock?.Begin(PassOperation.FinalNorm);
        Backend.Gather(_layers.Hidden, rows, _lastRows);
        Backend.RmsNorm(_lastRows, rows.Length, _weights.FinalNorm, (float)Config.RmsNormEpsilon, _lastRows);
        if (Config.LogitScale != 1)
            Backend.Scale(_lastRows, rows.Length, (float)Config.LogitScale);
        Clock?.Begin(PassOperation.Head);
        Backend.Project(_lastRows, rows.Length, _weights.Head, null, _logits);
        if (Config.LogitSoftCap is double cap)
            Backend.SoftCap(_logits, rows.Length, (float)cap);
    }

    private Tensor Allocate(int rows, int columns)
    {
        Tensor tensor = Backend.Allocate(rows, columns);
        _tensors.Add(tensor);
        return tensor;
    }

    private void Free()
    {
        foreach (Tensor tensor in _tensors)
            tensor.Dispose();
        _layers?.Dispose();
        _weights.Dispose();
    }
}
