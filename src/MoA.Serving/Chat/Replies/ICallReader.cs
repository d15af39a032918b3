namespace MoA.Serving.Chat.Replies;

/// <summary>Reads calls character by character.</summary>
internal interface ICallReader
{
    /// <summary>Whether a call is being read whose name and arguments are not complete yet.</summary>
    bool IsInCall { get; }

    /// <summary>Takes the next character.</summary>
    /// <returns>Whether it belongs to calls; if not, those that are complete remain, and what came since is no call.</returns>
    bool Push(char c);
}
