using System.Text.Json;

namespace MoA.Cli.Output;

/// <summary>Arrays in the JSON documents of commands.</summary>
internal static class JsonArrays
{
    /// <summary>Writes a member that holds an object for each item.</summary>
    public static void WriteObjects<T>(
        this Utf8JsonWriter writer, string name, IEnumerable<T> items, Action<Utf8JsonWriter, T> writeMembers)
    {
        writer.WriteStartArray(name);
        foreach (T item in items)
        {
            writer.WriteStartObject();
            writeMembers(writer, item);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>Writes a member that holds whole numbers.</summary>
    public static void WriteNumbers(this Utf8JsonWriter writer, string name, IEnumerable<int> values)
    {
        writer.WritePropertyName(name);
        writer.WriteNumberValues(values);
    }

    /// <summary>Writes a member that holds numbers.</summary>
    public static void WriteNumbers(this Utf8JsonWriter writer, string name, IEnumerable<double> values)
    {
        writer.WriteStartArray(name);
        foreach (double value in values)
            writer.WriteNumberValue(value);
        writer.WriteEndArray();
    }

    /// <summary>Writes an array of whole numbers as an element of another array.</summary>
    public static void WriteNumberValues(this Utf8JsonWriter writer, IEnumerable<int> values)
    {
        writer.WriteStartArray();
        foreach (int value in values)
            writer.WriteNumberValue(value);
        writer.WriteEndArray();
    }
}
