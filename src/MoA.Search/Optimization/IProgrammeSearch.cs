namespace MoA.Search.Optimization;

/// <summary>A way to solve a programme within any limits of its rows.</summary>
internal interface IProgrammeSearch
{
    /// <summary>The programme with its rows priced.</summary>
    IPricedProgramme Priced { get; }

    /// <summary>An empty choice for <see cref="Priced"/>.</summary>
    PricedChoice CreateChoice();

    /// <summary>Searches for a choice within limits.</summary>
    /// <param name="limited">The programme, within some limits.</param>
    /// <param name="start">Prices to start from.</param>
    /// <param name="knownCost">Only cheaper choices are of interest; infinity if none is known.</param>
    /// <param name="effortShare">Share of all effort after which to stop.</param>
    SearchOutcome Run(CoupledProgramme limited, double[] start, double knownCost, double effortShare);
}
