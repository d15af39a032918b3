namespace MoA.Engine.Attention;

/// <summary>How a plan was found; nothing here changes what the plan does.</summary>
internal sealed record PlanSearch
{
    /// <summary>Density and predicted loss at each length of the search.</summary>
    public IReadOnlyList<PlanSearchLength> Lengths { get; init; } = [];

    /// <summary>Greatest number of different rules in a layer, or null.</summary>
    public int? MaxRulesPerLayer { get; init; }

    /// <summary>Sequence length in tokens at which plans were compared, or null.</summary>
    public int? ValidationLength { get; init; }

    /// <summary>Mean answer loss at the validation length in nats, or null.</summary>
    public double? ValidationLoss { get; init; }
}
