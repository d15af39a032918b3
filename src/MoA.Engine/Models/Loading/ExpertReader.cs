using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>
/// Finds the experts of a layer in a checkpoint: views of what is stored where products can read it as it stands, else copies, which are
/// not made where <paramref name="parallel"/> is null.
/// </summary>
internal sealed unsafe class ExpertReader(WeightReader reader, ICheckpoint checkpoint, string layer, int count, ParallelOptions? parallel)
{
    // Rows that are copied at a time, so that what is read of a line is used at once.
    private const int RowsAtOnce = 64;

    /// <summary>All of them.</summary>
    /// <param name="known">The ways in which they may stand.</param>
    /// <param name="hidden">Their inputs and outputs.</param>
    /// <param name="inner">Their width between the projections.</param>
    /// <param name="hasBiases">Whether they add biases.</param>
    public FeedForwardWeights[] Read(IReadOnlyList<ExpertNames> known, int hidden, int inner, bool hasBiases)
    {
        ExpertNames names = known.FirstOrDefault(names =>
            checkpoint.Contains(layer + ExpertNames.Of(names.Gate, 0)) && (!hasBiases || names.DownBias.Length > 0)) ?? known[0];
        (WeightTensor[] gate, WeightTensor[] up, WeightTensor[] down) = names.Layout switch
        {
            ExpertLayout.Apart => (Each(names.Gate, inner, hidden), Each(names.Up, inner, hidden), Each(names.Down, hidden, inner)),
            ExpertLayout.Stacked => (Stack(names.Gate, inner, hidden), Stack(names.Up, inner, hidden), Stack(names.Down, hidden, inner)),
            ExpertLayout.StackedTogether => Cut(Stack(names.Gate, 2 * inner, hidden), inner, Stack(names.Down, hidden, inner)),
            _ => Alternating(names, hidden, inner),
        };
        (WeightTensor[] Gate, WeightTensor[] Up, WeightTensor[] Down)? biases = !hasBiases ? null
            : names.Layout == ExpertLayout.Alternating ? AlternatingBiases(names, hidden, inner)
            : (Vectors(names.GateBias, inner), Vectors(names.UpBias, inner), Vectors(names.DownBias, hidden));
        return [.. Enumerable.Range(0, count).Select(expert => new FeedForwardWeights
        {
            Gate = gate[expert],
            Up = up[expert],
            Down = down[expert],
            GateBias = biases?.Gate[expert],
            UpBias = biases?.Up[expert],
            DownBias = biases?.Down[expert],
        })];
    }

    private WeightTensor[] Each(string name, int rows, int columns) => [.. Enumerable.Range(0, count).Select(expert =>
    {
        string own = layer + ExpertNames.Of(name, expert);
        return reader.Stored(own, rows, columns).View(own);
    })];

    private WeightTensor[] Stack(string name, int rows, int columns) => reader.Stored(layer + name, count, rows, columns).Matrices(layer + name);

    private static (WeightTensor[] Gate, WeightTensor[] Up, WeightTensor[] Down) Cut(WeightTensor[] both, int inner, WeightTensor[] down) =>
        ([.. both.Select(matrix => matrix.Part(0, inner))], [.. both.Select(matrix => matrix.Part(inner, inner))], down);

    private (WeightTensor[] Gate, WeightTensor[] Up, WeightTensor[] Down) Alternating(ExpertNames names, int hidden, int inner)
    {
        if (checkpoint.Find(layer + names.Gate).Type == ElementType.MXFP4)
        {
            WeightTensor[] both = Stack(names.Gate, 2 * inner, hidden);
            return ([.. both.Select(matrix => matrix.View($"{matrix.Name} gate", 0, inner, 2))], [.. both.Select(matrix => matrix.View($"{matrix.Name} up", 1, inner, 2))],
                Stack(names.Down, hidden, inner));
        }

        StoredTensor gates = reader.Stored(layer + names.Gate, count, hidden, 2 * inner), downs = reader.Stored(layer + names.Down, count, inner, hidden);
        return (Copies(gates, names.Gate, 0, new(inner, 2, hidden, 2 * inner)), Copies(gates, names.Gate, 1, new(inner, 2, hidden, 2 * inner)),
            Copies(downs, names.Down, 0, new(hidden, 1, inner, hidden)));
    }

    private (WeightTensor[] Gate, WeightTensor[] Up, WeightTensor[] Down) AlternatingBiases(ExpertNames names, int hidden, int inner)
    {
        StoredTensor gates = reader.Stored(layer + names.GateBias, count, 2 * inner);
        return (Copies(gates, names.GateBias, 0, new(1, 0, inner, 2)), Copies(gates, names.GateBias, 1, new(1, 0, inner, 2)), Vectors(names.DownBias, hidden));
    }

    private WeightTensor[] Vectors(string name, int length)
    {
        StoredTensor stored = reader.Stored(layer + name, count, length);
        RefuseQuantized(stored, name);
        WeightTensor all = stored.View(layer + name);
        return [.. Enumerable.Range(0, count).Select(expert => all.Part(expert, 1))];
    }

    // Every expert's numbers in another order, in memory of their own.
    private WeightTensor[] Copies(StoredTensor stored, string name, int first, Order order)
    {
        RefuseQuantized(stored, name);
        int size = stored.Type.BytesPerBlock(), blocks = (order.Rows + RowsAtOnce - 1) / RowsAtOnce;
        long elements = (long)order.Rows * order.Columns, step = stored.Shape.Aggregate(1L, (product, extent) => product * extent) / count;
        nint room = parallel is null ? 0 : (nint)reader.Room(count * elements * size).Data;
        if (parallel is not null)
        {
            _ = Parallel.For(0, count * blocks, parallel, item =>
            {
                (int expert, int block) = Math.DivRem(item, blocks);
                nint from = stored.Data + (nint)(expert * step + first) * size, to = room + (nint)(expert * elements) * size;
                if (size == sizeof(float))
                    Copy((uint*)from, order, block, (uint*)to);
                else
                    Copy((ushort*)from, order, block, (ushort*)to);
            });
        }

        return [.. Enumerable.Range(0, count).Select(expert => new WeightTensor(
            $"{layer}{name}[{expert}]", stored.Type, order.Rows, order.Columns, (void*)(room == 0 ? 0 : room + (nint)(expert * elements) * size)))];
    }

    private static void Copy<T>(T* from, Order order, int block, T* to)
        where T : unmanaged
    {
        int end = Math.Min((block + 1) * RowsAtOnce, order.Rows);
        for (int column = 0; column < order.Columns; column++)
        {
            for (int row = block * RowsAtOnce; row < end; row++)
                to[(long)row * order.Columns + column] = from[(long)row * order.RowStep + (long)column * order.ColumnStep];
        }
    }

    private void RefuseQuantized(StoredTensor stored, string name)
    {
        if (stored.Type.IsQuantized())
            throw InputFile.Error(stored.Path, $"tensor {layer}{name} is {stored.Type}; expected F32, F16 or BF16");
    }

    // What is to be [rows, columns], and how far apart neighbours stand in the file.
    private readonly record struct Order(int Rows, int RowStep, int Columns, int ColumnStep);
}
