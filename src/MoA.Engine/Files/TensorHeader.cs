namespace MoA.Engine.Files;

/// <summary>What a file says of a tensor, be it of a format that is read or not.</summary>
/// <param name="Type">The format of its elements as the engine calls it (f32, q8_0), or, of others, as the file does, in small letters.</param>
/// <param name="Elements">How many there are.</param>
/// <param name="Bytes">How long it is; of a GGUF file's format that is not read what lies before the next tensor.</param>
internal readonly record struct TensorHeader(string Type, long Elements, long Bytes);
