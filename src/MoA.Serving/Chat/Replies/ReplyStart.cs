namespace MoA.Serving.Chat.Replies;

/// <summary>Where in a reply the prompt ends.</summary>
internal enum ReplyStart
{
    /// <summary>Before all of it.</summary>
    Beginning,

    /// <summary>Where the thoughts begin.</summary>
    Thoughts,

    /// <summary>Within the thoughts.</summary>
    WithinThoughts,

    /// <summary>Within the text.</summary>
    Text,
}
