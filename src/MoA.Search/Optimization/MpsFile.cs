using System.Globalization;
using System.Text;
using MoA.Engine;

namespace MoA.Search.Optimization;

/// <summary>
/// Writes a plan problem as a mixed-integer programme for other solvers, in free MPS format (format: docs/optimization.md).
/// </summary>
internal static class MpsFile
{
    /// <summary>
    /// Writes the programme of one objective. Binary <c>x_l_h_r</c> says that head h of layer l takes rule r (<c>x_l_all_r</c>
    /// for all heads of the layer), binary <c>y_l_r</c> that layer l uses rule r; the losses at other lengths are free rows.
    /// </summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="problem">Losses, densities and limits.</param>
    /// <param name="objective">Index of the objective to minimise.</param>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    public static void Save(string path, PlanProblem problem, int objective)
    {
        ArgumentNullException.ThrowIfNull(problem);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)objective, (uint)problem.Objectives.Count);
        WholeFile.Write(path, stream =>
        {
            using StreamWriter writer = new(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
            new Programme(problem, objective, writer).Write();
        });
    }

    private sealed class Programme(PlanProblem problem, int objective, StreamWriter writer)
    {
        private readonly int _headsPerChoice = problem.SamePerLayer ? problem.HeadsPerLayer : 1;
        private readonly int[] _objectives =
            [objective, .. Enumerable.Range(0, problem.Objectives.Count).Where(other => other != objective)];

        private int Choices => problem.HeadsPerLayer / _headsPerChoice;

        private bool LimitsRules => problem.MaxRulesPerLayer < Math.Min(problem.Rules.Count, Choices);

        public void Write()
        {
            writer.WriteLine(Invariant($"NAME plan_{problem.Objectives[objective].Length}"));
            WriteRows();
            WriteColumns();
            WriteRightSides();
            WriteBounds();
            writer.WriteLine("ENDATA");
        }

        private void WriteRows()
        {
            writer.WriteLine("ROWS");
            foreach (int index in _objectives)
                writer.WriteLine($" N {LossRow(index)}");
            foreach (DensityConstraint constraint in problem.Constraints)
            {
                writer.WriteLine(Invariant($" L density_{constraint.Length}"));
                if (problem.DensityFloor is not null)
                    writer.WriteLine(Invariant($" G floor_{constraint.Length}"));
            }

            for (int layer = 0; layer < problem.Layers; layer++)
            {
                for (int choice = 0; choice < Choices; choice++)
                {
                    writer.WriteLine($" E one_{Place(layer, choice)}");
                    for (int rule = 0; LimitsRules && rule < problem.Rules.Count; rule++)
                        writer.WriteLine(Invariant($" L uses_{Place(layer, choice)}_{rule}"));
                }

                if (LimitsRules)
                    writer.WriteLine(Invariant($" L rules_{layer}"));
            }
        }

        private void WriteColumns()
        {
            writer.WriteLine("COLUMNS");
            writer.WriteLine(" MARKER 'MARKER' 'INTORG'");
            for (int layer = 0; layer < problem.Layers; layer++)
            {
                for (int choice = 0; choice < Choices; choice++)
                {
                    for (int rule = 0; rule < problem.Rules.Count; rule++)
                        WriteChoice(layer, choice, rule);
                }

                for (int rule = 0; LimitsRules && rule < problem.Rules.Count; rule++)
                    WriteUse(layer, rule);
            }

            writer.WriteLine(" MARKER 'MARKER' 'INTEND'");
        }

        private void WriteChoice(int layer, int choice, int rule)
        {
            string column = Invariant($"x_{Place(layer, choice)}_{rule}");
            foreach (int index in _objectives)
            {
                double loss = 0;
                for (int head = choice * _headsPerChoice; head < (choice + 1) * _headsPerChoice; head++)
                    loss += problem.Objectives[index].Losses[(layer * problem.HeadsPerLayer + head) * problem.Rules.Count + rule];
                WriteEntry(column, LossRow(index), loss);
            }

            foreach (DensityConstraint constraint in problem.Constraints)
            {
                WriteEntry(column, Invariant($"density_{constraint.Length}"), constraint.Densities[rule]);
                if (problem.DensityFloor is not null)
                    WriteEntry(column, Invariant($"floor_{constraint.Length}"), constraint.Densities[rule]);
            }

            WriteEntry(column, $"one_{Place(layer, choice)}", 1);
            if (LimitsRules)
                WriteEntry(column, Invariant($"uses_{Place(layer, choice)}_{rule}"), 1);
        }

        private void WriteUse(int layer, int rule)
        {
            string column = Invariant($"y_{layer}_{rule}");
            for (int choice = 0; choice < Choices; choice++)
                WriteEntry(column, Invariant($"uses_{Place(layer, choice)}_{rule}"), -1);
            WriteEntry(column, Invariant($"rules_{layer}"), 1);
        }

        private void WriteRightSides()
        {
            writer.WriteLine("RHS");
            foreach (DensityConstraint constraint in problem.Constraints)
            {
                double sum = constraint.Bound * problem.Layers * Choices;
                WriteEntry("RHS", Invariant($"density_{constraint.Length}"), sum);
                if (problem.DensityFloor is double floor)
                    WriteEntry("RHS", Invariant($"floor_{constraint.Length}"), floor * sum);
            }

            for (int layer = 0; layer < problem.Layers; layer++)
            {
                for (int choice = 0; choice < Choices; choice++)
                    WriteEntry("RHS", $"one_{Place(layer, choice)}", 1);
                if (LimitsRules)
                    WriteEntry("RHS", Invariant($"rules_{layer}"), problem.MaxRulesPerLayer!.Value);
            }
        }

        private void WriteBounds()
        {
            writer.WriteLine("BOUNDS");
            for (int layer = 0; layer < problem.Layers; layer++)
            {
                for (int rule = 0; rule < problem.Rules.Count; rule++)
                {
                    for (int choice = 0; choice < Choices; choice++)
                        writer.WriteLine(Invariant($" BV BOUND x_{Place(layer, choice)}_{rule}"));
                    if (LimitsRules)
                        writer.WriteLine(Invariant($" BV BOUND y_{layer}_{rule}"));
                }
            }
        }

        private void WriteEntry(string column, string row, double value)
        {
            if (value != 0)
                writer.WriteLine(Invariant($" {column} {row} {value:R}"));
        }

        private string LossRow(int index) => Invariant($"loss_{problem.Objectives[index].Length}");

        private string Place(int layer, int choice) =>
            problem.SamePerLayer ? Invariant($"{layer}_all") : Invariant($"{layer}_{choice}");

        private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }
}
