using System.Globalization;

namespace MoA.Engine.Configuration;

/// <summary>What the matrices of a layer's experts are called, behind the layer's name. The number of an expert stands for #.</summary>
internal sealed record ExpertNames
{
    /// <summary>How they stand.</summary>
    public required ExpertLayout Layout { get; init; }

    /// <summary>The gates; where both are in one tensor, that one.</summary>
    public required string Gate { get; init; }

    /// <summary>The up projections, where they are apart from the gates.</summary>
    public string Up { get; init; } = "";

    /// <summary>The down projections.</summary>
    public required string Down { get; init; }

    /// <summary>Biases of the gates, or of both, in families that have them.</summary>
    public string GateBias { get; init; } = "";

    /// <summary>Biases of the up projections.</summary>
    public string UpBias { get; init; } = "";

    /// <summary>Biases of the down projections.</summary>
    public string DownBias { get; init; } = "";

    /// <summary>The name of one expert's.</summary>
    public static string Of(string name, int expert) => name.Replace("#", expert.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
