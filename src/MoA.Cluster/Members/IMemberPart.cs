namespace MoA.Cluster.Members;

/// <summary>Something that a member does, which its report tells of.</summary>
internal interface IMemberPart
{
    /// <summary>The report with this part's numbers.</summary>
    MemberReport AddTo(MemberReport report);

    /// <summary>Ends what was begun, and hands over what others can go on with; nothing new comes any more.</summary>
    /// <param name="cancellation">Ends it where it stands.</param>
    Task LeaveAsync(CancellationToken cancellation) => Task.CompletedTask;
}
