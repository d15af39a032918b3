using System.Globalization;

namespace MoA.Serving.Benchmarks;

/// <summary>A case and its options, <c>--name value</c>.</summary>
internal sealed class Settings
{
    private readonly Dictionary<string, string> _values = [];
    private readonly HashSet<string> _asked = [];

    public Settings(string[] arguments)
    {
        if (arguments.Length == 0 || arguments.Length % 2 == 0)
            throw new ArgumentException("expected a case and options, each with a value");
        Case = arguments[0];
        for (int i = 1; i < arguments.Length; i += 2)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal))
                throw new ArgumentException($"'{arguments[i]}': expected an option, such as --seed 1");
            _values[arguments[i][2..]] = arguments[i + 1];
        }
    }

    /// <summary>Its name.</summary>
    public string Case { get; }

    /// <summary>The program that is measured: a command, or a .dll that dotnet runs.</summary>
    public string Moa => Text("moa", "moa")!;

    /// <summary>Seed of everything that is drawn.</summary>
    public int Seed => Number("seed", 1);

    public string? Text(string name, string? otherwise = null)
    {
        _ = _asked.Add(name);
        return _values.GetValueOrDefault(name, otherwise!);
    }

    public int Number(string name, int otherwise) => Text(name) is not string text ? otherwise
        : int.TryParse(text, CultureInfo.InvariantCulture, out int number) && number > 0 ? number
        : throw new ArgumentException($"--{name} {text}: expected a whole number of at least 1");

    public double Real(string name, double otherwise) => Text(name) is not string text ? otherwise
        : double.TryParse(text, CultureInfo.InvariantCulture, out double number) && number > 0 ? number
        : throw new ArgumentException($"--{name} {text}: expected a number above 0");

    /// <summary>Arguments that name the model; none for the demo model.</summary>
    public string[] Model() => Text("model") is string model ? ["--model", model] : [];

    /// <summary>Refuses options that the case has not asked for.</summary>
    public void RefuseOthers()
    {
        if (_values.Keys.FirstOrDefault(name => !_asked.Contains(name)) is string other)
            throw new ArgumentException($"--{other}: the case {Case} has no such option");
    }
}
