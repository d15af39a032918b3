namespace MoA.Cluster.Conversations;

/// <summary>Something that went wrong with a request at the member that answered it, and would go wrong at others.</summary>
internal sealed class RemoteFailureException(string message) : Exception(message);
