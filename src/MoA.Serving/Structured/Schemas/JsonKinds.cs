namespace MoA.Serving.Structured.Schemas;

/// <summary>The kinds of JSON values; a number is whole or not.</summary>
[Flags]
internal enum JsonKinds
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,
    Fraction = 8,
    String = 16,
    Array = 32,
    Object = 64,
    Number = Integer | Fraction,
    Every = Null | Boolean | Number | String | Array | Object,
}
