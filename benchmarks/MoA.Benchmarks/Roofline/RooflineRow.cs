using MoA.Benchmarks.Kernels;
using MoA.Benchmarks.Limits;

namespace MoA.Benchmarks.Roofline;

/// <summary>
/// The slices of one kernel, each between two slices of its limit. Figures are medians over the half of the rounds in
/// which the limit was highest: in the others somebody else had the machine's attention.
/// </summary>
internal sealed class RooflineRow(Machine machine, Kernel kernel, RooflineRow? dense)
{
    private readonly List<(double Seconds, double Peak)> _slices = [];

    public Machine Machine => machine;

    public Kernel Kernel => kernel;

    /// <summary>The kernel's rate by the mean of the limit before and after.</summary>
    public double Share => MedianOfQuietRounds(round => Work / _slices[round].Seconds / _slices[round].Peak);

    /// <summary>Rate of arithmetic in operations a second.</summary>
    public double FlopsPerSecond => MedianOfQuietRounds(round => kernel.Flops / _slices[round].Seconds);

    /// <summary>Rate of memory in bytes a second.</summary>
    public double BytesPerSecond => MedianOfQuietRounds(round => kernel.Bytes / _slices[round].Seconds);

    /// <summary>The limit, operations or bytes a second.</summary>
    public double Peak => MedianOfQuietRounds(round => _slices[round].Peak);

    /// <summary>Time of a computed block by that in the dense kernel; null for a kernel that has none.</summary>
    public double? TimePerBlockToDense => dense is null
        ? null
        : MedianOfQuietRounds(round =>
            _slices[round].Seconds / kernel.Blocks / (dense._slices[round].Seconds / dense.Kernel.Blocks));

    public int Rounds => _slices.Count;

    private double Work => kernel.Limit == Limit.MultiplyAdd ? kernel.Flops : kernel.Bytes;

    /// <summary>Adds a slice.</summary>
    /// <param name="seconds">Of a call.</param>
    /// <param name="peak">The limit around it, operations or bytes a second.</param>
    public void Add(double seconds, double peak) => _slices.Add((seconds, peak));

    private double MedianOfQuietRounds(Func<int, double> figure)
    {
        double[] sorted =
        [
            .. Enumerable.Range(0, Rounds).OrderByDescending(round => _slices[round].Peak).Take((Rounds + 1) / 2)
                .Select(figure).Order(),
        ];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
