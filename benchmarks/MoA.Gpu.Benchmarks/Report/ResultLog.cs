using System.Text.Json;
using MoA.Gpu.Device;

namespace MoA.Gpu.Benchmarks.Report;

/// <summary>
/// The results of a part, <c>results-PART.json</c>, written anew after every row beside its place and then moved there: whatever ends
/// the run, what was measured stands.
/// </summary>
internal sealed class ResultLog
{
    private readonly string _path;
    private readonly List<ResultRow> _rows = [];
    private readonly List<(string What, string Why)> _skipped = [];
    private readonly string _part, _deviceId;
    private GpuDevice? _device;
    private string? _description;
    private double _budget, _seconds;
    private bool _ended;

    public ResultLog(string folder, string part, string deviceId)
    {
        _ = Directory.CreateDirectory(folder);
        _path = Path.Combine(folder, Results.FileOf(part));
        (_part, _deviceId) = (part, deviceId);
        Write();
    }

    /// <summary>Whether no comparison failed or could not be made.</summary>
    public bool Holds => _rows.All(row => row.Holds is not false);

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

    /// <summary>Writes down what there was no time for; a comparison that was not made does not hold.</summary>
    public void LeaveOut(string part, string name)
    {
        const string Why = "the part's time was used up";
        if (part == Parts.EqualityPart.Name)
            Row(part, name, false, [("failure", Why)]);
        else
            Skip(part == name ? part : $"{part}: {name}", Why);
    }

    /// <summary>Writes down what went wrong; a comparison that could not be made does not hold.</summary>
    public void Fail(string part, string name, Exception failure)
    {
        string text = $"{failure.GetType().Name}: {failure.Message.ReplaceLineEndings(" ")}";
        string where = failure.StackTrace?.ReplaceLineEndings(" | ") ?? "";
        Console.Error.WriteLine($"{part}: {name}: {text}");
        Row(part, name, part == Parts.EqualityPart.Name ? false : null, [("failure", text), ("where", where.Length > 1500 ? where[..1500] : where)]);
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
        writer.WriteString("part", _part);
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
        writer.WriteBoolean("holds", Holds);
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
