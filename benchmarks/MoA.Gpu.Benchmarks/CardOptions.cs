using System.Globalization;
using MoA.Engine;

namespace MoA.Gpu.Benchmarks;

/// <summary>What one run is asked for.</summary>
/// <param name="Device">The device, as <c>--device</c> names it.</param>
/// <param name="Out">The folder of the results.</param>
/// <param name="Data">The folder of fixtures, plans and the demo model.</param>
/// <param name="BudgetSeconds">No part begins later.</param>
/// <param name="TableOnly">Make the table of results that are there.</param>
internal sealed record CardOptions(string Device, string Out, string Data, double BudgetSeconds, bool TableOnly)
{
    private const string Usage = "expected --device ID, --out FOLDER, --data FOLDER, --budget-seconds N or --table";

    /// <summary>Whether kernels run on the processor: everything is tiny then.</summary>
    public bool IsEmulated => Device.StartsWith("emulated", StringComparison.Ordinal);

    public static CardOptions Parse(string[] arguments)
    {
        CardOptions options = new("cuda", "out", Path.Combine(AppContext.BaseDirectory, "data"), 360, TableOnly: false);
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            if (name == "--table")
            {
                options = options with { TableOnly = true };
                continue;
            }

            if (name is not ("--device" or "--out" or "--data" or "--budget-seconds"))
                throw new InvalidInputException($"{name}: {Usage}");
            string value = ++i < arguments.Length ? arguments[i] : throw new InvalidInputException($"{name}: a value is missing; {Usage}");
            options = name switch
            {
                "--device" => options with { Device = value },
                "--out" => options with { Out = value },
                "--data" => options with { Data = value },
                _ => options with { BudgetSeconds = Seconds(value) },
            };
        }

        return options;
    }

    private static double Seconds(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds > 0
            ? seconds
            : throw new InvalidInputException($"--budget-seconds {text}: expected a number above 0");
}
