namespace MoA.Evaluation.Ruler;

/// <summary>Makes the items of a task at one length, each as long as is wanted.</summary>
internal abstract class RulerSource
{
    /// <summary>How many items there are at most.</summary>
    public virtual int MostItems => int.MaxValue;

    /// <summary>The least number of units (lines, sentences, words, documents) that an item can have.</summary>
    /// <param name="index">Number of the item.</param>
    public abstract int LeastUnits(int index);

    /// <summary>An item: the same for the same arguments.</summary>
    /// <param name="seed">The item's own seed.</param>
    /// <param name="index">Number of the item.</param>
    /// <param name="units">How many units its context has.</param>
    public abstract RulerText Text(ulong seed, int index, int units);
}
