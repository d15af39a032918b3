using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace MoA.Server.Operations;

/// <summary>
/// The numbers of one instrument, a series for each set of tags, in Prometheus' text format; named and shaped as OpenTelemetry's rules for Prometheus have it.
/// </summary>
internal sealed class MetricFamily
{
    // No more, whatever tags come: what makes series is partly the clients' to choose.
    private const int MostSeries = 2000;

    private static readonly double[] UsualBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Series> _series = [];
    private readonly string _type, _help;
    private readonly double[]? _boundaries;
    private readonly bool _adds, _isObserved;

    public MetricFamily(Instrument instrument)
    {
        Type kind = instrument.GetType().GetGenericTypeDefinition();
        bool isCounter = kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>), isHistogram = kind == typeof(Histogram<>);
        _type = isHistogram ? "histogram" : isCounter ? "counter" : "gauge";
        _isObserved = instrument.IsObservable;
        _adds = kind == typeof(Counter<>) || kind == typeof(UpDownCounter<>);
        _boundaries = isHistogram ? Boundaries(instrument) ?? UsualBoundaries : null;
        _help = (instrument.Description ?? "").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        Name = NameOf(instrument.Name, instrument.Unit, isCounter);
    }

    /// <summary>The name in Prometheus.</summary>
    public string Name { get; }

    /// <summary>Takes a measurement.</summary>
    public void Take(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string labels = Labels(tags);
        lock (_gate)
        {
            if (!_series.TryGetValue(labels, out Series? series))
            {
                if (_series.Count >= MostSeries)
                    return;
                _series.Add(labels, series = new Series(_boundaries));
            }

            series.Take(value, _adds);
        }
    }

    /// <summary>What is observed is asked for anew; series that are there no more go.</summary>
    public void BeginCollection()
    {
        if (!_isObserved)
            return;
        lock (_gate)
            _series.Clear();
    }

    /// <summary>Writes all series.</summary>
    public void WriteTo(StringBuilder text)
    {
        lock (_gate)
        {
            if (_series.Count == 0)
                return;
            _ = text.Append(CultureInfo.InvariantCulture, $"# HELP {Name} {_help}\n# TYPE {Name} {_type}\n");
            foreach ((string labels, Series series) in _series)
                series.WriteTo(text, Name, labels);
        }
    }

    private static double[]? Boundaries(Instrument instrument) => instrument switch
    {
        Histogram<double> { Advice.HistogramBucketBoundaries: { } boundaries } => [.. boundaries],
        Histogram<long> { Advice.HistogramBucketBoundaries: { } boundaries } => [.. boundaries.Select(boundary => (double)boundary)],
        _ => null,
    };

    private static string NameOf(string name, string? unit, bool isCounter)
    {
        name = Plain(name);
        string? suffix = unit switch
        {
            "s" => "seconds",
            "By" => "bytes",
            not null when unit.EndsWith("}/s", StringComparison.Ordinal) => "per_second",
            _ => null,
        };
        if (suffix is not null && !name.EndsWith($"_{suffix}", StringComparison.Ordinal))
            name += $"_{suffix}";
        return isCounter ? $"{name}_total" : name;
    }

    private static string Plain(string name) => string.Concat(name.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'));

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        StringBuilder labels = new();
        foreach ((string key, object? value) in tags)
        {
            string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            _ = labels.Append(labels.Length > 0 ? "," : "").Append(Plain(key)).Append("=\"");
            foreach (char letter in text)
                _ = letter switch { '\\' => labels.Append("\\\\"), '"' => labels.Append("\\\""), '\n' => labels.Append("\\n"), _ => labels.Append(letter) };
            _ = labels.Append('"');
        }

        return labels.ToString();
    }

    private sealed class Series(double[]? boundaries)
    {
        private readonly long[] _counts = boundaries is null ? [] : new long[boundaries.Length + 1];
        private double _value;

        public void Take(double value, bool adds)
        {
            if (boundaries is null)
            {
                _value = adds ? _value + value : value;
                return;
            }

            int bucket = Array.BinarySearch(boundaries, value); // a boundary belongs to the bucket that it ends
            _counts[bucket < 0 ? ~bucket : bucket]++;
            _value += value;
        }

        public void WriteTo(StringBuilder text, string name, string labels)
        {
            if (boundaries is null)
            {
                Line("", labels, _value);
                return;
            }

            string comma = labels.Length > 0 ? "," : "";
            long below = 0;
            for (int i = 0; i < _counts.Length; i++)
            {
                below += _counts[i];
                string edge = i < boundaries.Length ? boundaries[i].ToString("R", CultureInfo.InvariantCulture) : "+Inf";
                Line("_bucket", $"{labels}{comma}le=\"{edge}\"", below);
            }

            Line("_sum", labels, _value);
            Line("_count", labels, below);

            void Line(string part, string inBraces, double value) =>
                text.Append(name).Append(part).Append(inBraces.Length > 0 ? $"{{{inBraces}}}" : "").Append(' ')
                    .Append(double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
        }
    }
}
