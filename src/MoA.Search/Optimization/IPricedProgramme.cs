namespace MoA.Search.Optimization;

/// <summary>A set of choices whose rows have been priced into the cost, so that they fall apart.</summary>
internal interface IPricedProgramme
{
    /// <summary>Arithmetic of the last <see cref="Price"/>, in operations.</summary>
    long LastWork { get; }

    /// <summary>
    /// The least of cost + prices·usage over all choices, or a number below it, with a choice that (nearly) has it.
    /// </summary>
    double Price(ReadOnlySpan<double> prices, PricedChoice choice);
}
