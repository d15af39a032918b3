namespace MoA.Cluster.Units;

/// <summary>How far a unit is at a member.</summary>
[GenerateSerializer]
internal enum UnitState
{
    /// <summary>Under way, or waiting for the one that is: ask again.</summary>
    NotYet,

    /// <summary>The result is there.</summary>
    Done,

    /// <summary>It cannot be computed.</summary>
    Failed,

    /// <summary>The member cannot compute units of this model for whoever asks.</summary>
    Refused,

    /// <summary>The member is leaving and takes nothing new.</summary>
    Leaving,
}
