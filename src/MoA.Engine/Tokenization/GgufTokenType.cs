namespace MoA.Engine.Tokenization;

/// <summary>What a token of a GGUF vocabulary is, numbered as in <c>tokenizer.ggml.token_type</c>.</summary>
internal enum GgufTokenType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
