namespace MoA.Evaluation.Prompts;

/// <summary>Whether a prompt's text is written with the model's chat template.</summary>
internal enum PromptTemplate
{
    /// <summary>If the model has one and the text holds none of its special tokens.</summary>
    Auto,

    /// <summary>The text is a user's message.</summary>
    On,

    /// <summary>The text is continued as it stands.</summary>
    Off,
}
