namespace MoA.Cluster.Members;

/// <summary>Something that a member does, which its report tells of.</summary>
internal interface IMemberPart
{
    /// <summary>The report with this part's numbers.</summary>
    MemberReport AddTo(MemberReport report);
}
