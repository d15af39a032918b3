using System.Diagnostics;
using MoA.Benchmarks.Kernels;
using MoA.Benchmarks.Limits;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Roofline;

/// <summary>
/// Measures kernels in rounds: each kernel for a short slice in each round, with a slice of its limit before and after.
/// Whatever else the machine does then falls on both, and on all kernels alike.
/// </summary>
internal sealed class RooflineRun : IDisposable
{
    private const int FewestRounds = 5;

    private readonly SharedMemory _memory = new();
    private readonly List<Machine> _machines = [];
    private readonly List<RooflineRow> _rows = [];

    /// <summary>Chooses the kernels.</summary>
    /// <param name="sets">Vector widths.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="filter">Part of the names of the kernels to measure; "" for all.</param>
    public RooflineRun(IEnumerable<InstructionSet> sets, int threads, string filter)
    {
        foreach (InstructionSet set in sets)
        {
            Machine machine = Machine.Create(set, threads, _memory);
            _machines.Add(machine);
            Dictionary<Kernel, RooflineRow> rows = [];
            foreach (Kernel kernel in KernelList.On(machine, _memory))
            {
                if (kernel.Name.Contains(filter, StringComparison.OrdinalIgnoreCase))
                    rows.Add(kernel, new RooflineRow(machine, kernel, kernel.Dense is null ? null : rows.GetValueOrDefault(kernel.Dense)));
            }

            _rows.AddRange(rows.Values);
        }
    }

    public IReadOnlyList<Machine> Machines => _machines;

    public IReadOnlyList<RooflineRow> Rows => _rows;

    /// <summary>Measures rounds until the time is over.</summary>
    /// <param name="time">After preparing the kernels.</param>
    /// <param name="progress">Is told what is done.</param>
    public void Run(TimeSpan time, Action<string> progress)
    {
        foreach (RooflineRow row in _rows)
        {
            progress($"preparing {row.Machine.Name} {row.Kernel.Name}");
            row.Kernel.Prepare();
        }

        Stopwatch clock = Stopwatch.StartNew();
        for (int round = 1; round <= FewestRounds || clock.Elapsed < time; round++)
        {
            progress($"round {round}");
            foreach (IGrouping<(Machine Machine, Limit Limit), RooflineRow> rows in _rows.GroupBy(row => (row.Machine, row.Kernel.Limit)))
                Measure(rows.Key.Machine, rows.Key.Limit, rows);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (RooflineRow row in _rows)
            row.Kernel.Dispose();
        foreach (Machine machine in _machines)
            machine.Dispose();
        _memory.Dispose();
    }

    private static void Measure(Machine machine, Limit limit, IEnumerable<RooflineRow> rows)
    {
        double before = machine.Measure(limit);
        foreach (RooflineRow row in rows)
        {
            double seconds = row.Kernel.Measure();
            double after = machine.Measure(limit);
            row.Add(seconds, (before + after) / 2);
            before = after;
        }
    }
}
