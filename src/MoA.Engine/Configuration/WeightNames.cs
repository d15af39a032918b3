namespace MoA.Engine.Configuration;

/// <summary>
/// How a kind of checkpoint names its tensors: stems, to which <c>.weight</c> or <c>.bias</c> is added; those of a layer
/// after <see cref="Layer"/>.
/// </summary>
internal sealed record WeightNames
{
    /// <summary>The names of the transformers library.</summary>
    public static WeightNames HuggingFace { get; } = new()
    {
        Embedding = "model.embed_tokens",
        FinalNorm = "model.norm",
        Head = "lm_head",
        Layers = "model.layers.",
        InputNorm = "input_layernorm",
        Query = "self_attn.q_proj",
        Key = "self_attn.k_proj",
        Value = "self_attn.v_proj",
        Output = "self_attn.o_proj",
        QueryNorm = "self_attn.q_norm",
        KeyNorm = "self_attn.k_norm",
        PostAttentionNorm = "post_attention_layernorm",
        Gate = "mlp.gate_proj",
        Up = "mlp.up_proj",
        Down = "mlp.down_proj",
        QueryKeyValue = "self_attn.qkv_proj",
        GateUp = "mlp.gate_up_proj",
    };

    /// <summary>The names in a file that was saved from a model without its head (LlamaModel): the same without <c>model.</c>.</summary>
    public static WeightNames HuggingFaceBase { get; } = HuggingFace with
    {
        Embedding = "embed_tokens",
        FinalNorm = "norm",
        Layers = "layers.",
    };

    /// <summary>The names of GGUF files.</summary>
    public static WeightNames Gguf { get; } = new()
    {
        Embedding = "token_embd",
        FinalNorm = "output_norm",
        Head = "output",
        Layers = "blk.",
        InputNorm = "attn_norm",
        Query = "attn_q",
        Key = "attn_k",
        Value = "attn_v",
        Output = "attn_output",
        QueryNorm = "attn_q_norm",
        KeyNorm = "attn_k_norm",
        PostAttentionNorm = "ffn_norm",
        Gate = "ffn_gate",
        Up = "ffn_up",
        Down = "ffn_down",
        QueryKeyValue = "attn_qkv",
        GateUp = "ffn_up",
    };

    public required string Embedding { get; init; }

    public required string FinalNorm { get; init; }

    public required string Head { get; init; }

    public required string Layers { get; init; }

    public required string InputNorm { get; init; }

    public required string Query { get; init; }

    public required string Key { get; init; }

    public required string Value { get; init; }

    public required string Output { get; init; }

    public required string QueryNorm { get; init; }

    public required string KeyNorm { get; init; }

    public required string PostAttentionNorm { get; init; }

    public required string Gate { get; init; }

    public required string Up { get; init; }

    public required string Down { get; init; }

    /// <summary>Of families that store them as one: rows of queries, then keys, then values.</summary>
    public required string QueryKeyValue { get; init; }

    /// <summary>Of families that store them as one: rows of the gate, then those of up.</summary>
    public required string GateUp { get; init; }

    /// <summary>What the stems of a layer follow.</summary>
    public string Layer(int layer) => $"{Layers}{layer}.";
}
