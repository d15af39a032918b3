namespace MoA.Serving.Chat.Replies;

/// <summary>In what a model writes the arguments of a call.</summary>
internal enum CallSyntax
{
    /// <summary>A JSON object.</summary>
    Json,

    /// <summary><c>&lt;parameter=KEY&gt;</c>, a text, <c>&lt;/parameter&gt;</c>, for each argument; the tool's schema tells of which type the text is.</summary>
    Xml,

    /// <summary><c>key=value, …</c>, with values as Python writes them.</summary>
    Python,
}
