using MoA.Engine.Configuration;

namespace MoA.Engine.KvCache;

/// <summary>How the heads of a layer turn with their positions: what RoPE does to a query or key, and what it would do at others.</summary>
internal sealed class HeadTurn
{
    private readonly double[] _frequencies;
    private readonly bool _areHalves;

    /// <param name="config">The model.</param>
    /// <param name="layer">Layer.</param>
    /// <param name="length">Tokens of the text, on which frequencies may depend.</param>
    public HeadTurn(ModelConfig config, int layer, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        Length = length;
        RopeSettings? rope = config.LayerDescriptions[layer].Rope;
        _areHalves = config.RopePairs == RopePairs.Halves;
        _frequencies = new double[rope is null ? 0 : config.RotaryDimensions / 2];
        rope?.Scaling.Frequencies(rope.Theta, length, _frequencies);
        Factor = rope?.Scaling.AttentionFactor ?? 1;
    }

    /// <summary>Tokens of the text.</summary>
    public int Length { get; }

    /// <summary>Pairs of components that turn; the others stay.</summary>
    public int Pairs => _frequencies.Length;

    /// <summary>What turned components are multiplied by besides.</summary>
    public double Factor { get; }

    /// <summary>The components of a pair.</summary>
    public (int First, int Second) Components(int pair) => _areHalves ? (pair, pair + Pairs) : (2 * pair, 2 * pair + 1);

    /// <summary>The sine and the cosine by which a pair turns at a position.</summary>
    public (double Sin, double Cos) At(int pair, int position) => Math.SinCos(position * _frequencies[pair]);

    /// <summary>The mean of sines and of cosines over some positions, <see cref="Factor"/> included.</summary>
    public (double Sin, double Cos) Mean(int pair, int first, int count)
    {
        (double sines, double cosines) = (0, 0);
        for (int i = 0; i < count; i++)
        {
            (double sine, double cosine) = At(pair, first + i);
            sines += sine;
            cosines += cosine;
        }

        return (Factor * sines / count, Factor * cosines / count);
    }
}
