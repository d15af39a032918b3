using MoA.Cluster.Members;

namespace MoA.Cluster.Units;

/// <summary>A member as the one who hands out units sees it.</summary>
internal sealed class UnitMember(MemberReport report)
{
    /// <summary>Its address.</summary>
    public string Address { get; } = report.Address;

    /// <summary>What people call it.</summary>
    public string Name { get; } = report.Name;

    /// <summary>Whether it is among those that answer.</summary>
    public bool IsThere { get; set; }

    /// <summary>Whether it takes nothing new.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>Why it computes nothing for this search; null if it does.</summary>
    public string? Refusal { get; set; }

    /// <summary>The units that it has.</summary>
    public List<UnitErrand> Errands { get; } = [];

    /// <summary>Whether units can be handed to it.</summary>
    public bool IsUsable => IsThere && !IsLeaving && Refusal is null;
}
