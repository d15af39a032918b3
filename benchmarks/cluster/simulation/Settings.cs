using System.Globalization;

namespace MoA.Cluster.Simulation;

/// <summary>A case and its options, <c>--name value</c>; several values are separated by commas.</summary>
internal sealed class Settings
{
    private readonly Dictionary<string, string> _values = [];
    private readonly HashSet<string> _asked = [];

    public Settings(string[] arguments)
    {
        if (arguments.Length % 2 == 0)
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

    /// <summary>Seed of everything that is drawn.</summary>
    public ulong Seed => (ulong)Number("seed", 1);

    /// <summary>The costs.</summary>
    public Costs Costs() => Simulation.Costs.Read(Text("costs"));

    /// <summary>A text, or what stands for none.</summary>
    public string? Text(string name, string? otherwise = null)
    {
        _ = _asked.Add(name);
        return _values.GetValueOrDefault(name, otherwise!);
    }

    /// <summary>Texts.</summary>
    public string[] Texts(string name, string otherwise) => Text(name, otherwise)!.Split(',');

    /// <summary>A number above 0; "inf" for one that is never reached.</summary>
    public double Real(string name, double otherwise) => Text(name) is string text ? Parse(name, text) : otherwise;

    /// <summary>Numbers of at least 0.</summary>
    public double[] Reals(string name, string otherwise) => [.. Texts(name, otherwise).Select(text => Parse(name, text))];

    /// <summary>A whole number of at least 1.</summary>
    public long Number(string name, long otherwise) => Text(name) is not string text ? otherwise
        : long.TryParse(text, CultureInfo.InvariantCulture, out long number) && number > 0 ? number
        : throw new ArgumentException($"--{name} {text}: expected a whole number of at least 1");

    /// <summary>Whole numbers of at least 1.</summary>
    public int[] Numbers(string name, string otherwise) => [.. Texts(name, otherwise).Select(text =>
        int.TryParse(text, CultureInfo.InvariantCulture, out int number) && number > 0 ? number
            : throw new ArgumentException($"--{name} {text}: expected whole numbers of at least 1"))];

    /// <summary>Refuses options that the case has not asked for.</summary>
    public void RefuseOthers()
    {
        if (_values.Keys.FirstOrDefault(name => !_asked.Contains(name)) is string other)
            throw new ArgumentException($"--{other}: the case {Case} has no such option");
    }

    private static double Parse(string name, string text) => text == "inf" ? double.PositiveInfinity
        : double.TryParse(text, CultureInfo.InvariantCulture, out double number) && number >= 0 ? number
        : throw new ArgumentException($"--{name} {text}: expected a number of at least 0, or inf");
}
