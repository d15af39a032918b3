using MoA.Engine.Configuration;

namespace MoA.Engine.Attention.Policies;

/// <summary>
/// A policy's text, <c>NAME[:key=value,…]</c>, taken apart. Settings are taken one by one; what is left at the end is an error.
/// </summary>
internal sealed class PolicySettings
{
    private readonly Dictionary<string, string> _values = [];
    private readonly string _place;

    /// <param name="text">The text.</param>
    /// <param name="place">Where it stands, for messages; null for the command line's option.</param>
    public PolicySettings(string text, string? place = null)
    {
        Text = text;
        _place = place ?? $"--policy {text}";
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        Name = colon < 0 ? text : text[..colon];
        foreach (string part in colon < 0 ? [] : text[(colon + 1)..].Split(','))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || !_values.TryAdd(part[..equals], part[(equals + 1)..]))
                throw Error("expected NAME:key=value,key=value with each key once");
        }
    }

    /// <summary>Reads head scores from a profile; null where nothing can.</summary>
    public Func<string, ElasticRule, ModelConfig, double[][]>? ProfileScores { get; init; }

    /// <summary>All of it, as it was written.</summary>
    public string Text { get; }

    public string Name { get; }

    /// <summary>Name and settings that were not taken yet, as they were written.</summary>
    public string Rest => _values.Count == 0 ? Name : $"{Name}:{string.Join(',', _values.Select(pair => $"{pair.Key}={pair.Value}"))}";

    /// <summary>Whether one of some settings is there.</summary>
    public bool HasAny(IEnumerable<PolicySetting> settings) => settings.Any(setting => _values.ContainsKey(setting.Key));

    /// <summary>The policy's size: <c>density</c>, a share of the sequence, or <c>span</c>, tokens.</summary>
    public ElasticRule Budget()
    {
        if (Density() is double share)
            return new ElasticRule(0, share);
        return Value(PolicySetting.Span) is not string span ? throw Error($"give {Name} a size, as in {Name}:density=0.5")
            : Number(span) is >= 1 and < 1e9 and double tokens ? new ElasticRule(tokens, 0)
            : throw Error($"expected {PolicySetting.Span.Values}");
    }

    /// <summary>The density, or null where none is given.</summary>
    public double? Density() => Value(PolicySetting.Density) is not string density ? null
        : Number(density) is > 0 and <= 1 and double share ? share
        : throw Error($"expected {PolicySetting.Density.Values}");

    /// <summary>A number within the setting's bounds.</summary>
    public double Number(PolicySetting setting, double otherwise) => Value(setting) is not string value ? otherwise
        : Number(value) is double number && number >= setting.Least && number <= setting.Most ? number
        : throw Unexpected(setting);

    /// <summary>A whole number within the setting's bounds.</summary>
    public int Whole(PolicySetting setting, int otherwise) => Value(setting) is not string value ? otherwise
        : NumberText.TryWhole(value, out int number) && number >= setting.Least && number <= setting.Most ? number
        : throw Unexpected(setting);

    /// <summary>A whole number within the setting's bounds, or null.</summary>
    public int? Optional(PolicySetting setting) => HasAny([setting]) ? Whole(setting, 0) : null;

    /// <summary>One of the setting's words.</summary>
    public string Word(PolicySetting setting) => Value(setting) is not string value ? setting.Words[0]
        : setting.Words.Contains(value) ? value
        : throw Unexpected(setting);

    /// <summary>A path, or null.</summary>
    public string? Path(PolicySetting setting)
    {
        string? value = Value(setting);
        return value is not null && string.IsNullOrWhiteSpace(value) ? throw Unexpected(setting) : value;
    }

    /// <summary>A setting as it was written, or null.</summary>
    public string? Value(PolicySetting setting) => _values.Remove(setting.Key, out string? value) ? value : null;

    /// <exception cref="InvalidInputException">A setting was not taken: the policy does not know it.</exception>
    public void RequireNoMore(IReadOnlyList<PolicySetting> known)
    {
        if (_values.Count == 0)
            return;
        string key = _values.Keys.First();
        string expected = known.Count == 0 ? "it takes none" : $"expected {string.Join(", ", known.Select(setting => setting.Key))}";
        throw Error(known.Any(setting => setting.Key == key) // a second size
            ? $"'{key}' is no setting of {Name} beside the others given"
            : $"'{key}' is no setting of {Name}; {expected}");
    }

    public InvalidInputException Error(string what) => new($"{_place}: {what}");

    private InvalidInputException Unexpected(PolicySetting setting) => Error($"expected {setting.Values} as {setting.Key}");

    private static double Number(string text) => NumberText.TryDecimal(text, out double value) ? value : double.NaN;
}
