using System.Text.Json;
using MoA.Gpu.Device;

namespace MoA.Gpu.Benchmarks.Report;

/// <summary>
/// <c>results.json</c>, written anew after every row beside its place and then moved there: whatever ends the run, what was
/// measured stands.
/// </summary>
internal sealed class ResultLog
{
    public const string FileName = "results.json";

    private readonly string _path;
    private readonly List<ResultRow> _rows = [];
    private readonly List<(string What, string Why)> _skipped = [];
    private readonly List<(string Part, double Seconds)> _parts = [];
    private readonly string _deviceId;
    private GpuDevice? _device;
    private string? _description;
    private double _budget, _seconds;
    private bool _ended;

    public ResultLog(string folder, string deviceId)
    {
        _ = Directory.CreateDirectory(folder);
        _path = Path.Combine(folder, FileName);
        _deviceId = deviceId;
        Write();
    }

    /// <summary>Whether something was compared, and all of it held and ran.</summary>
    public bool Holds => _rows.Any(row => row.Holds is true) && _rows.All(row => row.Holds is not false);

    public void Describe(GpuDevice device, string description, double budget)
    {
        _device = device;
        _description = description;
        _budget = budget;
        Write();
    }

    public void Row(string part, string name, bool? holds, ReadOnlySpan<(string Key, object? Value)> figures)
    {
        _rows.Add(new ResultRow(part, name, holds, figures.ToArray()));
        Write();
    }

    public void Skip(string what, string why)
    {
        _skipped.Add((what, why));
        Write();
    }

    /// <summary>Writes down what went wrong; a comparison that could not be made does not hold.</summary>
    public void Fail(string part, string name, Exception failure)
    {
        string text = $"{failure.GetType().Name}: {failure.Message.ReplaceLineEndings(" ")}";
        string where = failure.StackTrace?.ReplaceLineEndings(" | ") ?? "";
        Console.Error.WriteLine($"{part}: {name}: {text}");
        Row(part, name, part == Parts.EqualityPart.Name ? false : null, [("failure", text), ("where", where.Length > 1500 ? where[..1500] : where)]);
    }

    public void Finish(string part, double seconds)
    {
        _parts.Add((part, seconds));
        Write();
    }

    public void End(double seconds)
    {
        _ended = true;
        _seconds = seconds;
        Write();
    }

    private void Write()
    {
        string partial = _path + ".partial";
        using (FileStream file = File.Create(partial))
        using (Utf8JsonWriter writer = new(file, new JsonWriterOptions { Indented = true }))
            Write(writer);
        File.Move(partial, _path, overwrite: true);
    }

    private void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("format", "moa-gpu-card/1");
        writer.WriteString("device", _device?.Name ?? _deviceId);
        writer.WriteString("computeCapability", _device?.ComputeCapability);
        if (_device is not null)
        {
            writer.WriteNumber("memoryBytes", _device.MemoryBytes);
            writer.WriteNumber("multiprocessors", _device.Multiprocessors);
        }

        writer.WriteString("backend", _description);
        writer.WriteNumber("budgetSeconds", _budget);
        writer.WriteBoolean("ended", _ended);
        writer.WriteNumber("seconds", Math.Round(_seconds, 1));
        writer.WriteBoolean("correct", Holds);
        writer.WriteStartArray("rows");
        foreach (ResultRow row in _rows)
            Write(writer, row);
        writer.WriteEndArray();
        writer.WriteStartArray("skipped");
        foreach ((string what, string why) in _skipped)
        {
            writer.WriteStartObject();
            writer.WriteString("what", what);
            writer.WriteString("why", why);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("partsEndedAfterSeconds");
        foreach ((string part, double seconds) in _parts)
        {
            writer.WriteStartObject();
            writer.WriteString("part", part);
            writer.WriteNumber("seconds", Math.Round(seconds, 1));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, ResultRow row)
    {
        writer.WriteStartObject();
        writer.WriteString("part", row.Part);
        writer.WriteString("name", row.Name);
        if (row.Holds is bool holds)
            writer.WriteBoolean("holds", holds);
        foreach ((string key, object? value) in row.Figures)
        {
            switch (value)
            {
                case null: writer.WriteNull(key); break;
                case int number: writer.WriteNumber(key, number); break;
                case long number: writer.WriteNumber(key, number); break;
                case double number when double.IsFinite(number): writer.WriteNumber(key, number); break;
                default: writer.WriteString(key, value.ToString()); break;
            }
        }

        writer.WriteEndObject();
    }
}
