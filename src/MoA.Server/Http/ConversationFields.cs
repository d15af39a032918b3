namespace MoA.Server.Http;

/// <summary>What tells a conversation, or whose it is, from others that begin alike: a hint, of which nothing is refused.</summary>
internal static class ConversationFields
{
    /// <summary>The first of some fields that holds a text.</summary>
    public static string? Read(params ReadOnlySpan<JsonInput> fields)
    {
        foreach (JsonInput field in fields)
        {
            if (field.IsText)
                return field.AsText();
        }

        return null;
    }
}
