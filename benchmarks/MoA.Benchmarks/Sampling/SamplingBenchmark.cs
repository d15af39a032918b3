using System.Diagnostics;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Sampling;

/// <summary>Times the drawing of tokens from rows of logits: the engine's, and in turn with it a sort of everything.</summary>
internal sealed class SamplingBenchmark : IDisposable
{
    // Drawn so often for one figure: a draw alone is as short as what disturbs it.
    private const int DrawsPerTurn = 10;

    // Ways of drawing.
    private static readonly (string Name, TokenDraw Draw)[] Draws =
    [
        ("greedy", default),
        ("temperature 0.8", new TokenDraw(0.8, 0, 1, 0, 0)),
        ("top-k 40", new TokenDraw(0.8, 40, 1, 0, 0)),
        ("top-p 0.95", new TokenDraw(0.8, 0, 0.95, 0, 0)),
        ("min-p 0.05", new TokenDraw(0.8, 0, 1, 0.05, 0)),
        ("top-k, top-p, min-p", new TokenDraw(0.8, 40, 0.95, 0.05, 0)),
    ];

    // Kinds of logits: as text has them, likelihoods falling with the rank, and those of random weights.
    private static readonly (string Name, Func<int, int, double, double> Logit)[] Kinds =
    [
        ("by rank", (token, vocabulary, _) => 20 - 1.5 * Math.Log(1 + (token * 7919L + 13) % vocabulary)),
        ("normal", (_, _, normal) => normal),
    ];

    private readonly int _vocabulary, _rows;
    private readonly ComputeBackend _backend;
    private readonly Tensor _logits;
    private readonly float[] _row;

    public SamplingBenchmark(int vocabulary, int rows, int threads)
    {
        (_vocabulary, _rows) = (vocabulary, rows);
        _row = new float[vocabulary];
        _backend = ComputeBackend.CreateCpu(threads);
        _logits = _backend.Allocate(rows, vocabulary);
    }

    /// <summary>Measures every way on every kind of logits.</summary>
    public IEnumerable<SamplingRow> Run(int rounds)
    {
        foreach ((string kind, Func<int, int, double, double> logit) in Kinds)
        {
            Fill(logit);
            foreach ((string name, TokenDraw draw) in Draws)
                yield return Measure(rounds, kind, name, points => Draw(draw, points), draw == default ? null : Sorted(draw));
            yield return Measure(rounds, kind, "5 log-probabilities", _ => Score(), null);
        }
    }

    public void Dispose()
    {
        _logits.Dispose();
        _backend.Dispose();
    }

    private static SamplingRow Measure(int rounds, string kind, string name, Func<double, int> engine, Func<double, int>? sorted)
    {
        double[] engineSeconds = new double[rounds], sortedSeconds = new double[rounds];
        int differ = 0;
        // Until what runs is the compiler's best.
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < 0.5)
            _ = engine(0.5);
        _ = sorted?.Invoke(0.5);
        for (int round = 0; round < rounds; round++)
        {
            double point = (round + 0.5) / rounds;
            (double seconds, int token) = Time(() => engine(point), DrawsPerTurn);
            (double reference, int expected) = sorted is null ? (double.NaN, token) : Time(() => sorted(point), 1);
            if (token != expected)
                differ++;
            (engineSeconds[round], sortedSeconds[round]) = (seconds, reference);
        }

        Array.Sort(engineSeconds);
        Array.Sort(sortedSeconds);
        return new SamplingRow(kind, name, engineSeconds[0], engineSeconds[rounds / 2], sortedSeconds[rounds / 2], differ);
    }

    private static (double Seconds, int Token) Time(Func<int> draw, int times)
    {
        long start = Stopwatch.GetTimestamp();
        int token = 0;
        for (int i = 0; i < times; i++)
            token = draw();
        return (Stopwatch.GetElapsedTime(start).TotalSeconds / times, token);
    }

    private int Draw(TokenDraw draw, double point)
    {
        Span<TokenDraw> draws = stackalloc TokenDraw[_rows];
        Span<int> tokens = stackalloc int[_rows];
        draws.Fill(draw with { Point = point });
        _backend.Draw(_logits, draws, tokens);
        return tokens[0];
    }

    private int Score() => TokenLogProbability.From(_row, 0, 5).Top[0].Token;

    // Without top-k and top-p points count in the order of tokens, which a sort does not tell.
    private Func<double, int>? Sorted(TokenDraw draw)
    {
        if (draw.TopK == 0 && draw.TopP == 1)
            return null;
        SortedDraw sorted = new(_vocabulary);
        return point => sorted.From(_row, draw with { Point = point });
    }

    private void Fill(Func<int, int, double, double> logit)
    {
        SplitMix64 random = new(1);
        for (int token = 0; token < _vocabulary; token++)
        {
            double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            _row[token] = (float)logit(token, _vocabulary, normal);
        }

        float[] all = new float[_rows * _vocabulary];
        for (int row = 0; row < _rows; row++)
            _row.CopyTo(all, row * _vocabulary);
        _backend.Write(all, _rows, _logits);
    }
}
