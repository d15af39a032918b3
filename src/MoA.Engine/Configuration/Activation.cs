namespace MoA.Engine.Configuration;

/// <summary>How the gate of a feed-forward network meets its up projection.</summary>
internal enum Activation
{
    /// <summary>silu(gate)·up, as in Llama (SwiGLU).</summary>
    Silu,

    /// <summary>gelu(gate)·up with the approximation by tanh, as in Gemma (GeGLU).</summary>
    GeluTanh,

    /// <summary>gate·σ(1.702·gate)·(up + 1) of values limited to 7, as in gpt-oss.</summary>
    ClampedSilu,
}
