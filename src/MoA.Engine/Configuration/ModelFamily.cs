namespace MoA.Engine.Configuration;

/// <summary>
/// The architectures that the engine runs; they differ in biases, head norms and sliding windows only.
/// </summary>
public enum ModelFamily
{
    /// <summary>Llama 1, 2, 3 and what shares their layout (Vicuna, TinyLlama, SmolLM …).</summary>
    Llama,

    /// <summary>Mistral: Llama with a sliding window.</summary>
    Mistral,

    /// <summary>Qwen 2 and 2.5: biases on queries, keys and values.</summary>
    Qwen2,

    /// <summary>Qwen 3 (dense): RMS norm of every query and key head before RoPE.</summary>
    Qwen3,

    /// <summary>Phi 3, 3.5 and 4-mini: one matrix for queries, keys and values, one for gate and up.</summary>
    Phi3,
}
