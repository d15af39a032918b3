namespace MoA.Search.Calibration;

/// <summary>The sorts of generated long-dependency documents.</summary>
internal enum DocumentKind
{
    /// <summary>A record of lines with a question about one of them (<see cref="RecordDocument"/>).</summary>
    Record,

    /// <summary>A secret in plain text (<see cref="NeedleDocument"/>).</summary>
    Needle,

    /// <summary>News articles to summarise (<see cref="ArticlesDocument"/>).</summary>
    Articles,
}
