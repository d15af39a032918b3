using System.Globalization;
using MoA.Engine;
using MoA.Engine.Attention;

namespace MoA.Evaluation.Policies;

/// <summary>
/// A policy's text, <c>NAME[:key=value,…]</c>, taken apart. Settings are taken one by one; what is left at the end is an error.
/// </summary>
internal sealed class PolicySettings
{
    private readonly Dictionary<string, string> _values = [];

    public PolicySettings(string text)
    {
        Text = text;
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        Name = colon < 0 ? text : text[..colon];
        foreach (string part in colon < 0 ? [] : text[(colon + 1)..].Split(','))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || !_values.TryAdd(part[..equals], part[(equals + 1)..]))
                throw Error("expected NAME:key=value,key=value with each key once");
        }
    }

    /// <summary>All of it, as it was written.</summary>
    public string Text { get; }

    public string Name { get; }

    /// <summary>Name and settings that were not taken yet, as they were written.</summary>
    public string Rest => _values.Count == 0 ? Name : $"{Name}:{string.Join(',', _values.Select(pair => $"{pair.Key}={pair.Value}"))}";

    /// <summary>The policy's size: <c>density</c>, a share of the sequence, or <c>span</c>, tokens.</summary>
    public ElasticRule Budget() => TryBudget() ?? throw Error($"give {Name} a size, as in {Name}:density=0.5");

    /// <summary>As <see cref="Budget"/>; null if neither is given.</summary>
    public ElasticRule? TryBudget()
    {
        if (_values.Remove("density", out string? density))
            return new ElasticRule(0, Number(density) is > 0 and <= 1 and double share ? share : throw Error("expected a density above 0 and up to 1"));
        if (_values.Remove("span", out string? span))
            return new ElasticRule(Number(span) is >= 1 and < 1e9 and double tokens ? tokens : throw Error("expected a span in tokens, at least 1"), 0);
        return null;
    }

    /// <summary>A number within bounds, both included.</summary>
    public double Number(string key, double least, double most, double otherwise)
    {
        if (!_values.Remove(key, out string? value))
            return otherwise;
        double number = Number(value);
        return number >= least && number <= most
            ? number
            : throw Error(string.Create(CultureInfo.InvariantCulture, $"expected a number from {least} to {most} as {key}"));
    }

    /// <summary>A whole number within bounds, both included.</summary>
    public int Integer(string key, int least, int most, int otherwise)
    {
        if (!_values.Remove(key, out string? value))
            return otherwise;
        return NumberText.TryWhole(value, out int number) && number >= least && number <= most
            ? number
            : throw Error($"expected a whole number from {least} to {most} as {key}");
    }

    /// <summary>One of some words.</summary>
    public string Word(string key, params ReadOnlySpan<string> words)
    {
        if (!_values.Remove(key, out string? value))
            return words[0];
        return words.Contains(value) ? value : throw Error($"expected {string.Join(" or ", words!)} as {key}");
    }

    /// <summary>A setting as it was written, or null.</summary>
    public string? Value(string key) => _values.Remove(key, out string? value) ? value : null;

    /// <summary>A path, or null.</summary>
    public string? Path(string key)
    {
        string? value = Value(key);
        return value is not null && string.IsNullOrWhiteSpace(value) ? throw Error($"expected a path as {key}") : value;
    }

    /// <exception cref="InvalidInputException">A setting was not taken: the policy does not know it.</exception>
    public void RequireNoMore()
    {
        if (_values.Count > 0)
            throw Error($"'{_values.Keys.First()}' is no setting of {Name}");
    }

    public InvalidInputException Error(string what) => new($"--policy {Text}: {what}");

    private static double Number(string text) => NumberText.TryDecimal(text, out double value) ? value : double.NaN;
}
