using System.Runtime.CompilerServices;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>One worker's memory for an item of prefill attention: a block of widened keys and values, and panels of queries.</summary>
internal readonly unsafe struct PrefillTile<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int Block = ElasticRule.BlockSize;

    // Rows a power of two apart would share few lines of the first cache.
    private const int Skew = 16;

    private readonly int _lastLanes;

    /// <summary>Memory for <paramref name="rows"/> rows of each head of a group, whose spans count in blocks of so many tokens, with outputs of 0.</summary>
    public PrefillTile(WorkerScratch scratch, int worker, int headSize, int group, int rows, int spanBlock = Block)
    {
        int lanes = Lanes;
        Stride = (headSize + 15) / 16 * 16 + Skew;
        PanelFloats = headSize * lanes;
        PanelCount = (rows * group + lanes - 1) / lanes;
        _lastLanes = rows * group - (PanelCount - 1) * lanes <= TSimd.Width ? TSimd.Width : lanes;
        // A run ends with its panel, with its head or at a border of blocks.
        int runs = PanelCount + group * (rows / spanBlock + 2);
        int states = Aligned(PanelCount * lanes), panelFloats = Aligned((int)(PanelCount * PanelFloats));
        int scoreFloats = Aligned((Block + PrefillPanel<TSimd, TVector, TwoVectors>.Slack) * lanes);
        int runFloats = Aligned(runs * sizeof(PrefillRun) / 4);
        Keys = scratch.Floats(
            worker,
            (int)(2 * Block * Stride) + scoreFloats + Aligned(lanes) + 2 * panelFloats + 2 * states + runFloats + PanelCount + 1);
        Values = Keys + Block * Stride;
        Scores = Values + Block * Stride;
        Corrections = Scores + scoreFloats;
        Queries = Corrections + Aligned(lanes);
        Outputs = Queries + panelFloats;
        Maxima = Outputs + panelFloats;
        Sums = Maxima + states;
        Runs = (PrefillRun*)(Sums + states);
        FirstRuns = (int*)(Sums + states + runFloats);
        new Span<float>(Outputs, panelFloats).Clear();
        // Lanes of the last panel that no query fills.
        new Span<float>(Queries + (PanelCount - 1) * PanelFloats, (int)PanelFloats).Clear();
        new Span<float>(Maxima, 2 * states).Clear();
    }

    /// <summary>Lanes of a whole panel; one half as wide has the memory of a whole one.</summary>
    public static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PrefillPanel<TSimd, TVector, TwoVectors>.Queries;
    }

    /// <summary>Floats between keys and between values.</summary>
    public nint Stride { get; }

    /// <summary>Floats of a panel's queries and of its outputs.</summary>
    public nint PanelFloats { get; }

    public int PanelCount { get; }

    public float* Keys { get; }

    public float* Values { get; }

    public float* Scores { get; }

    public float* Corrections { get; }

    public float* Queries { get; }

    public float* Outputs { get; }

    /// <summary>Those of all panels, in the order of their lanes.</summary>
    public float* Maxima { get; }

    /// <summary>Those of all panels, in the order of their lanes.</summary>
    public float* Sums { get; }

    /// <summary>Those of all panels, in the order of their lanes.</summary>
    public PrefillRun* Runs { get; }

    /// <summary>The number of each panel's first run and, behind the last, the number of all.</summary>
    public int* FirstRuns { get; }

    /// <summary>Lanes of a panel.</summary>
    public int LanesOf(int panel) => panel == PanelCount - 1 ? _lastLanes : Lanes;

    public float* MaximaOf(int panel) => Maxima + panel * Lanes;

    public float* SumsOf(int panel) => Sums + panel * Lanes;

    public ReadOnlySpan<PrefillRun> RunsOf(int panel) => new(Runs + FirstRuns[panel], FirstRuns[panel + 1] - FirstRuns[panel]);

    /// <summary>Divides a panel's outputs by its sums. Those of empty lanes are not numbers that mean anything, nor are their outputs.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="headSize">Components of a head.</param>
    [MethodImpl(JitOptions.Loop)]
    public void Normalize(int panel, int headSize)
    {
        int lanes = LanesOf(panel);
        float* outputs = Outputs + panel * PanelFloats, sums = SumsOf(panel);
        for (int i = 0; i < lanes; i++)
            sums[i] = 1f / sums[i];
        for (int d = 0; d < headSize; d++)
        {
            float* line = outputs + d * lanes;
            for (int i = 0; i < lanes; i += TSimd.Width)
                TSimd.Store(line + i, TSimd.Multiply(TSimd.Load(line + i), TSimd.Load(sums + i)));
        }
    }

    private static int Aligned(int floats) => (floats + 15) / 16 * 16;
}
