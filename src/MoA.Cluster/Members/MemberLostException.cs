namespace MoA.Cluster.Members;

/// <summary>A member that is asked is none any more.</summary>
[GenerateSerializer, Alias("moa.member-lost")]
internal sealed class MemberLostException : Exception
{
    /// <summary>Says who.</summary>
    public MemberLostException(string message)
        : base(message)
    {
    }

    /// <summary>Says who, and how it was noticed.</summary>
    public MemberLostException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
