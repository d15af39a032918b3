namespace MoA.Search.Calibration;

/// <summary>
/// One item of a conversations file (one line of <c>.jsonl</c>): a <see cref="MessagesItem"/>, a <see cref="TokensItem"/>
/// or a <see cref="TextItem"/>. Two items are equal when their contents and labels are; <see cref="Origin"/> does not count.
/// </summary>
internal abstract record CalibrationItem
{
    private protected CalibrationItem()
    {
    }

    /// <summary>Where the item was read, <c>file.jsonl:3</c>, for messages about it; <c>generated</c> for others.</summary>
    public string Origin { get; init; } = "generated";

    /// <summary>Where the item comes from, as the file says under <c>source</c>.</summary>
    public string? Source { get; init; }

    /// <summary>The data set the item is weighted with (<c>dataset</c>): losses are averaged per data set first.</summary>
    public string? Dataset { get; init; }

    /// <summary>What sort of document it is (<c>kind</c>); generated items say records, needles or articles.</summary>
    public string? Kind { get; init; }

    /// <summary>Whether the item marks at least one predicted token as part of an answer.</summary>
    public abstract bool HasAnswers { get; }

    /// <summary>Equal labels, of items of one type; the types compare their contents.</summary>
    public virtual bool Equals(CalibrationItem? other) =>
        other is not null && EqualityContract == other.EqualityContract
        && Source == other.Source && Dataset == other.Dataset && Kind == other.Kind;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(EqualityContract, Source, Dataset, Kind);
}
