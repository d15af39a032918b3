namespace MoA.Engine.Parallelism;

/// <summary>Work that falls into independent items.</summary>
internal interface IParallelJob
{
    /// <summary>Does one item. Must not throw for reasons other than a defect.</summary>
    /// <param name="index">Item, 0 ≤ index &lt; count.</param>
    /// <param name="worker">The worker that runs it, 0 ≤ worker &lt; threads: selects its scratch memory.</param>
    void Run(int index, int worker);
}
