using MoA.Benchmarks.Kernels;
using MoA.Benchmarks.Limits;

namespace MoA.Benchmarks.Roofline;

/// <summary>The slices of one kernel, each between two slices of its limit.</summary>
internal sealed class RooflineRow(Machine machine, Kernel kernel, RooflineRow? dense)
{
    private readonly List<double> _shares = [];
    private readonly List<double> _seconds = [];
    private readonly List<double> _peaks = [];

    public Machine Machine => machine;

    public Kernel Kernel => kernel;

    /// <summary>Median over the rounds of the kernel's rate by the mean of the limit before and after.</summary>
    public double Share => Median(_shares);

    /// <summary>Median rate of arithmetic in operations a second.</summary>
    public double FlopsPerSecond => kernel.Flops / Median(_seconds);

    /// <summary>Median rate of memory in bytes a second.</summary>
    public double BytesPerSecond => kernel.Bytes / Median(_seconds);

    /// <summary>Median of the limit, operations or bytes a second.</summary>
    public double Peak => Median(_peaks);

    /// <summary>
    /// Time of a computed block by that in the dense kernel, median over the rounds; null for a kernel that has none.
    /// </summary>
    public double? TimePerBlockToDense => dense is null
        ? null
        : Median(_seconds.Zip(dense._seconds, (own, all) => own / kernel.Blocks / (all / dense.Kernel.Blocks)));

    public int Rounds => _shares.Count;

    /// <summary>Adds a slice.</summary>
    /// <param name="seconds">Of a call.</param>
    /// <param name="peak">The limit around it.</param>
    public void Add(double seconds, double peak)
    {
        double work = kernel.Limit == Limit.MultiplyAdd ? kernel.Flops : kernel.Bytes;
        _shares.Add(work / seconds / peak);
        _seconds.Add(seconds);
        _peaks.Add(peak);
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
