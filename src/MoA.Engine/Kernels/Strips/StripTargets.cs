using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>The products of a job, gathered for one job after another.</summary>
/// <param name="lanes">Rows of a weight that make a strip.</param>
/// <param name="threads">Threads that share the job; no result depends on it.</param>
internal sealed unsafe class StripTargets(int lanes, int threads)
{
    private StripTarget[] _targets = new StripTarget[4];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Items of the job.</summary>
    public int Items => Count == 0 ? 0 : _targets[Count - 1].EndItem;

    /// <summary>One of them.</summary>
    public ref readonly StripTarget this[int index] => ref _targets[index];

    /// <summary>Makes room, so that adding does not.</summary>
    public void Reserve(int count)
    {
        if (count > _targets.Length)
            Array.Resize(ref _targets, count);
    }

    /// <summary>Adds the product of a weight with consecutive places of the inputs.</summary>
    /// <param name="weight">The weight; all are of one format.</param>
    /// <param name="output">Takes the product, [rows, outputs].</param>
    /// <param name="firstRow">The first place: the first of a group.</param>
    /// <param name="rows">Places.</param>
    public void Add(WeightTensor weight, float* output, int firstRow, int rows)
    {
        if (Count == _targets.Length)
            Reserve(2 * Count);
        _targets[Count++] = new StripTarget(weight, output, firstRow, rows);
    }

    /// <summary>Cuts one into items, those before it having been cut.</summary>
    /// <param name="index">Which.</param>
    /// <param name="together">Strips that are multiplied side by side.</param>
    public void Cut(int index, int together)
    {
        StripTarget target = _targets[index];
        StripItems items = new((target.Weight.Rows + lanes - 1) / lanes, threads, together);
        _targets[index] = new StripTarget(target.Weight, target.Output, target.FirstRow, target.Rows, items, index == 0 ? 0 : _targets[index - 1].EndItem);
    }

    /// <summary>Takes all out.</summary>
    public void Clear()
    {
        Array.Clear(_targets, 0, Count);
        Count = 0;
    }
}
