using System.Diagnostics.CodeAnalysis;

namespace MoA.Engine.Numerics;

/// <summary>
/// How the numbers of a stored tensor or of a KV row are written. The quantised formats are those of GGUF files, byte for
/// byte: small integers in blocks of consecutive elements that share their factors.
/// </summary>
[SuppressMessage("Naming", "CA1707", Justification = "The formats' names in GGUF and in the field.")]
public enum ElementType
{
    /// <summary>IEEE 754 binary32, 4 bytes.</summary>
    F32,

    /// <summary>IEEE 754 binary16, 2 bytes.</summary>
    F16,

    /// <summary>bfloat16: the upper half of a binary32, 2 bytes.</summary>
    BF16,

    /// <summary>Blocks of 32: a scale and signed bytes; 8.5 bits an element.</summary>
    Q8_0,

    /// <summary>Blocks of 32: a scale and 4-bit integers; 4.5 bits an element.</summary>
    Q4_0,

    /// <summary>Blocks of 256 with a scale and a minimum per 32, 4-bit integers; 4.5 bits an element.</summary>
    Q4_K,

    /// <summary>Blocks of 256 with a scale and a minimum per 32, 5-bit integers; 5.5 bits an element.</summary>
    Q5_K,

    /// <summary>Blocks of 256 with a scale per 16, 6-bit integers; 6.5625 bits an element.</summary>
    Q6_K,

    /// <summary>Blocks of 32: a scale, a minimum and 4-bit integers; 5 bits an element.</summary>
    Q4_1,

    /// <summary>Blocks of 32: a scale and 5-bit integers; 5.5 bits an element.</summary>
    Q5_0,

    /// <summary>Blocks of 32: a scale, a minimum and 5-bit integers; 6 bits an element.</summary>
    Q5_1,

    /// <summary>Blocks of 256 with a scale and a minimum per 16, 2-bit integers; 2.625 bits an element.</summary>
    Q2_K,

    /// <summary>Blocks of 256 with a scale per 16, 3-bit integers; 3.4375 bits an element.</summary>
    Q3_K,

    /// <summary>Blocks of 32: a scale and 4 bits that choose among 16 uneven steps; 4.5 bits an element.</summary>
    IQ4_NL,

    /// <summary>Blocks of 256 with a scale per 32, steps as in <see cref="IQ4_NL"/>; 4.25 bits an element.</summary>
    IQ4_XS,

    /// <summary>Blocks of 32: a power of two and floats of 4 bits (OCP Microscaling, E2M1 and E8M0); 4.25 bits an element.</summary>
    MXFP4,
}
