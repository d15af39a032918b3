using System.Diagnostics;
using MoA.Benchmarks.Limits;

namespace MoA.Benchmarks.Kernels;

/// <summary>One operation of the engine at one size, and what it costs at least.</summary>
internal abstract class Kernel(string name, Limit limit) : IDisposable
{
    private const double SliceSeconds = 0.02;

    private int _calls = 1;

    public string Name { get; } = name;

    public Limit Limit { get; } = limit;

    /// <summary>Floating-point operations of a call.</summary>
    public abstract double Flops { get; }

    /// <summary>Bytes that a call must read from memory.</summary>
    public abstract double Bytes { get; }

    /// <summary>Blocks of 64×64 positions that a call of attention computes; 0 for other kernels.</summary>
    public virtual double Blocks => 0;

    /// <summary>The same kernel computing all blocks, for one that computes some.</summary>
    public Kernel? Dense { get; init; }

    /// <summary>Allocates what the kernel works on, lets the JIT compile it, and sees how long a call takes.</summary>
    public void Prepare()
    {
        Allocate();
        Run();
        double seconds = Time(2);
        _calls = Math.Max(1, (int)Math.Ceiling(SliceSeconds / seconds));
    }

    /// <summary>Measures for some hundredths of a second, at least one call: seconds for a call.</summary>
    public double Measure() => Time(_calls);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Allocate();

    protected abstract void Run();

    protected abstract void Dispose(bool disposing);

    private double Time(int calls)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
            Run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / calls;
    }
}
