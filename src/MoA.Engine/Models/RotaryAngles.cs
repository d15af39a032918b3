using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models;

/// <summary>
/// The angles by which a pass turns queries and keys, for each kind of rotary embedding that layers have. Where frequencies depend on the
/// length of a text, each sequence has those of its capacity from its first token on, so that its rows fit each other.
/// </summary>
internal sealed class RotaryAngles
{
    private readonly ComputeBackend _backend;
    private readonly Kind[] _kinds;
    private readonly Tensor?[] _layers;

    /// <param name="config">The model.</param>
    /// <param name="backend">The device.</param>
    /// <param name="maxRows">Most tokens in one pass.</param>
    /// <param name="allocate">Makes tensors of rows and columns; they stay the caller's.</param>
    public RotaryAngles(ModelConfig config, ComputeBackend backend, int maxRows, Func<int, int, Tensor> allocate)
    {
        _backend = backend;
        _kinds = [.. config.Ropes.Select(rope => new Kind(rope, config.RotaryDimensions / 2, allocate(maxRows, config.RotaryDimensions)))];
        _layers = [.. config.LayerDescriptions.Select(layer => Array.Find(_kinds, kind => kind.Settings == layer.Rope)?.Angles)];
    }

    /// <summary>Floats that a row takes.</summary>
    public static int RowElements(ModelConfig config) => config.RotaryDimensions * config.Ropes.Count();

    /// <summary>The angles of a layer; null where it turns nothing.</summary>
    public Tensor? Of(int layer) => _layers[layer];

    /// <summary>Computes the angles of a batch's rows.</summary>
    public void Fill(ForwardBatch batch)
    {
        foreach (Kind kind in _kinds)
            Fill(kind, batch);
    }

    /// <summary>Computes the angles of a whole text from its first token on.</summary>
    /// <param name="rows">Tokens to compute for.</param>
    /// <param name="length">Tokens of the text.</param>
    public void Fill(int rows, int length)
    {
        int[] positions = [.. Enumerable.Range(0, rows)];
        foreach (Kind kind in _kinds)
            _backend.RopeAngles(positions, kind.FrequenciesAt(length), kind.Factor, kind.Angles);
    }

    private void Fill(Kind kind, ForwardBatch batch)
    {
        ReadOnlySpan<AttentionSegment> segments = batch.Work.Segments.AsSpan(0, batch.Work.SegmentCount);
        for (int i = 0, row = 0; i < segments.Length;)
        {
            // Neighbours that turn alike go together: all of them where lengths do not matter.
            int first = row, length = segments[i].Cache.TurnedFor;
            for (; i < segments.Length && kind.IsAlike(length, segments[i].Cache.TurnedFor); i++)
                row += segments[i].Rows;
            _backend.RopeAngles(batch.Positions[first..row], kind.FrequenciesAt(length), kind.Factor, kind.Angles, first);
        }
    }

    private sealed class Kind(RopeSettings settings, int pairs, Tensor angles)
    {
        private readonly double[] _frequencies = new double[pairs];
        private int _regime = -1;

        public RopeSettings Settings { get; } = settings;

        public Tensor Angles { get; } = angles;

        public float Factor { get; } = (float)settings.Scaling.AttentionFactor;

        public bool IsAlike(int length, int other) => Settings.Scaling.Regime(length) == Settings.Scaling.Regime(other);

        public double[] FrequenciesAt(int length)
        {
            int regime = Settings.Scaling.Regime(length);
            if (regime != _regime)
                Settings.Scaling.Frequencies(Settings.Theta, length, _frequencies);
            _regime = regime;
            return _frequencies;
        }
    }
}
