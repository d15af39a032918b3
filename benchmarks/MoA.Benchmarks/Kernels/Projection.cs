using MoA.Benchmarks.Limits;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Kernels;

/// <summary>The product of activations with stored weights; calls take one weight after the other.</summary>
internal sealed class Projection(
    string name, Limit limit, Machine machine, SharedMemory memory, ElementType type, int rows, int outputs, int inputs)
    : Kernel(name, limit)
{
    private WeightTensor[] _weights = [];
    private Tensor? _x;
    private Tensor? _y;
    private int _next;

    public override double Flops => 2.0 * rows * outputs * inputs;

    public override double Bytes => _weights[0].Bytes + 4.0 * rows * inputs;

    protected override void Allocate()
    {
        _weights = [.. memory.Weights(type, outputs, inputs).Select(machine.Backend.Place)];
        _x = Activations.Random(machine.Backend, rows, inputs);
        _y = machine.Backend.Allocate(rows, outputs);
    }

    protected override void Run()
    {
        machine.Backend.Project(_x!, rows, _weights[_next], null, _y!);
        _next = (_next + 1) % _weights.Length;
    }

    protected override void Dispose(bool disposing)
    {
        foreach (IDisposable placed in _weights.OfType<IDisposable>())
            placed.Dispose();
        _x?.Dispose();
        _y?.Dispose();
    }
}
