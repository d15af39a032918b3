using System.Globalization;
using MoA.Engine;

namespace MoA.Gpu.Benchmarks;

/// <summary>What one run is asked for.</summary>
/// <param name="Device">The device, as <c>--device</c> names it.</param>
/// <param name="Out">The folder of the results.</param>
/// <param name="Data">The folder of fixtures, plans and the demo model.</param>
/// <param name="BudgetSeconds">Nothing begins later.</param>
/// <param name="Part">The part that is run; null to join the results of all parts.</param>
internal sealed record CardOptions(string Device, string Out, string Data, double BudgetSeconds, string? Part)
{
    private const string Usage = "expected --part NAME or --join, --device ID, --out FOLDER, --data FOLDER, --budget-seconds N";

    /// <summary>Whether kernels run on the processor: everything is tiny then.</summary>
    public bool IsEmulated => Device.StartsWith("emulated", StringComparison.Ordinal);

    public static CardOptions Parse(string[] arguments)
    {
        CardOptions options = new("cuda", "out", Path.Combine(AppContext.BaseDirectory, "data"), 60, Part: null);
        bool joins = false;
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            if (name == "--join")
            {
                joins = true;
                continue;
            }

            if (name is not ("--part" or "--device" or "--out" or "--data" or "--budget-seconds"))
                throw new InvalidInputException($"{name}: {Usage}");
            string value = ++i < arguments.Length ? arguments[i] : throw new InvalidInputException($"{name}: a value is missing; {Usage}");
            options = name switch
            {
                "--part" => options with { Part = value },
                "--device" => options with { Device = value },
                "--out" => options with { Out = value },
                "--data" => options with { Data = value },
                _ => options with { BudgetSeconds = Seconds(value) },
            };
        }

        return joins == options.Part is null ? options : throw new InvalidInputException(Usage);
    }

    private static double Seconds(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds > 0
            ? seconds
            : throw new InvalidInputException($"--budget-seconds {text}: expected a number above 0");
}
