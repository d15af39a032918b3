namespace MoA.Engine.Configuration;

/// <summary>
/// How a kind of checkpoint names its tensors: stems, to which <c>.weight</c> or <c>.bias</c> is added; those of a layer
/// after <see cref="Layer"/>.
/// </summary>
internal sealed record WeightNames
{
    /// <summary>The names of the transformers library, below <c>model.</c>.</summary>
    public static WeightNames HuggingFace { get; } = new()
    {
        Embedding = "embed_tokens",
        FinalNorm = "norm",
        Head = "lm_head",
        Layers = "layers.",
        AttentionNorm = "input_layernorm",
        Query = "self_attn.q_proj",
        Key = "self_attn.k_proj",
        Value = "self_attn.v_proj",
        Output = "self_attn.o_proj",
        QueryNorm = "self_attn.q_norm",
        KeyNorm = "self_attn.k_norm",
        FeedForwardNorm = "post_attention_layernorm",
        Gate = "mlp.gate_proj",
        Up = "mlp.up_proj",
        Down = "mlp.down_proj",
    };

    /// <summary>The names of GGUF files.</summary>
    public static WeightNames Gguf { get; } = new()
    {
        Embedding = "token_embd",
        FinalNorm = "output_norm",
        Head = "output",
        Layers = "blk.",
        AttentionNorm = "attn_norm",
        Query = "attn_q",
        Key = "attn_k",
        Value = "attn_v",
        Output = "attn_output",
        QueryNorm = "attn_q_norm",
        KeyNorm = "attn_k_norm",
        FeedForwardNorm = "ffn_norm",
        Gate = "ffn_gate",
        Up = "ffn_up",
        Down = "ffn_down",
        Router = "ffn_gate_inp",
        Experts =
        [
            new ExpertNames
            {
                Layout = ExpertLayout.Stacked,
                Gate = "ffn_gate_exps.weight",
                Up = "ffn_up_exps.weight",
                Down = "ffn_down_exps.weight",
                GateBias = "ffn_gate_exps.bias",
                UpBias = "ffn_up_exps.bias",
                DownBias = "ffn_down_exps.bias",
            },
            new ExpertNames { Layout = ExpertLayout.StackedTogether, Gate = "ffn_gate_up_exps.weight", Down = "ffn_down_exps.weight" },
            new ExpertNames { Layout = ExpertLayout.Apart, Gate = "ffn_gate.#.weight", Up = "ffn_up.#.weight", Down = "ffn_down.#.weight" },
        ],
    };

    public required string Embedding { get; init; }

    public required string FinalNorm { get; init; }

    public required string Head { get; init; }

    public required string Layers { get; init; }

    /// <summary>Before attention.</summary>
    public required string AttentionNorm { get; init; }

    /// <summary>After attention, in families that have one.</summary>
    public string AttentionOutputNorm { get; init; } = "";

    public required string Query { get; init; }

    public required string Key { get; init; }

    public required string Value { get; init; }

    public required string Output { get; init; }

    public required string QueryNorm { get; init; }

    public required string KeyNorm { get; init; }

    /// <summary>Before the feed-forward network.</summary>
    public required string FeedForwardNorm { get; init; }

    /// <summary>After the feed-forward network, in families that have one.</summary>
    public string FeedForwardOutputNorm { get; init; } = "";

    public required string Gate { get; init; }

    public required string Up { get; init; }

    public required string Down { get; init; }

    /// <summary>Of families that store them as one: rows of queries, then keys, then values; else null.</summary>
    public string? QueryKeyValue { get; init; }

    /// <summary>Of families that store them as one: rows of the gate, then those of up; else null.</summary>
    public string? GateUp { get; init; }

    /// <summary>Scores experts, in families that have them.</summary>
    public string Router { get; init; } = "";

    /// <summary>The ways in which files of the kind have experts; the first that a file has counts, and is written.</summary>
    public IReadOnlyList<ExpertNames> Experts { get; init; } = [];

    /// <summary>One score for each query head, in families that have them.</summary>
    public string Sinks { get; init; } = "";

    /// <summary>What is added to the weights of norms: 1 in files that store them as differences from it.</summary>
    public float NormOffset { get; init; }

    /// <summary>These names below a prefix.</summary>
    /// <param name="prefix">What the embedding, the layers and the last norm follow.</param>
    /// <param name="headPrefix">What the head follows.</param>
    public WeightNames Below(string prefix, string headPrefix) => this with
    {
        Embedding = prefix + Embedding,
        FinalNorm = prefix + FinalNorm,
        Layers = prefix + Layers,
        Head = headPrefix + Head,
    };

    /// <summary>What the stems of a layer follow.</summary>
    public string Layer(int layer) => $"{Layers}{layer}.";
}
