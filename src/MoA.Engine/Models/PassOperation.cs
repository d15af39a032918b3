namespace MoA.Engine.Models;

/// <summary>The operations of a pass, in its order; those of all layers count as one.</summary>
internal enum PassOperation
{
    /// <summary>The rows of the tokens.</summary>
    Embedding,

    /// <summary>RMS norm before attention.</summary>
    AttentionNorm,

    /// <summary>Projections to queries, keys and values.</summary>
    QueryKeyValue,

    /// <summary>RMS norms of single heads, where a model has them.</summary>
    QueryKeyNorm,

    /// <summary>Rotation of queries and keys; once a pass, its angles.</summary>
    Rope,

    /// <summary>Choice of the keys that prompts attend to, where a prefill policy chooses.</summary>
    Selection,

    /// <summary>Attention: rows are stored, and those kept are read.</summary>
    Attention,

    /// <summary>Output projection of attention.</summary>
    Output,

    /// <summary>RMS norm before the MLP.</summary>
    FeedForwardNorm,

    /// <summary>Scores of the experts, and their choice, where a model has experts.</summary>
    Router,

    /// <summary>Gate and up projections.</summary>
    GateUp,

    /// <summary>What the gate does with the up projection.</summary>
    Activation,

    /// <summary>Down projection.</summary>
    Down,

    /// <summary>RMS norm of the rows whose logits are asked for.</summary>
    FinalNorm,

    /// <summary>Logits.</summary>
    Head,

    /// <summary>Drawing tokens.</summary>
    Draw,

    /// <summary>What lies before, between and after: filling the batch, taking the model, advancing the caches.</summary>
    Other,
}
