namespace MoA.Serving.Structured.Parts;

/// <summary>A property of an object.</summary>
/// <param name="Name">Its name as a JSON string, quotes included, in UTF-8.</param>
/// <param name="Value">What its value is.</param>
/// <param name="Required">Whether it must be there.</param>
internal sealed record ObjectProperty(byte[] Name, Part Value, bool Required);
