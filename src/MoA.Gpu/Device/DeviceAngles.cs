using ILGPU;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Device;

/// <summary>Angles of rotary embeddings: frequencies are copied to the device when they change, positions every time.</summary>
internal sealed class DeviceAngles(DeviceSession session, DeviceMemory memory) : IDisposable
{
    private readonly DeviceList<int> _positions = new(memory);
    private readonly DeviceList<double> _turns = new(memory);
    private double[] _frequencies = [];

    /// <summary>Fills angles [positions, d] with cosines (first half) and sines of position·θ.</summary>
    /// <param name="positions">Positions.</param>
    /// <param name="frequencies">[d/2] θ, radians a token.</param>
    /// <param name="factor">What they are multiplied by.</param>
    /// <param name="angles">Takes the angles.</param>
    public void Run(ReadOnlySpan<int> positions, ReadOnlySpan<double> frequencies, float factor, DeviceTensor angles)
    {
        if (!frequencies.SequenceEqual(_frequencies))
        {
            _frequencies = frequencies.ToArray();
            _turns.Upload(Array.ConvertAll(_frequencies, frequency => frequency / Math.Tau));
        }

        RopeAngles kernel = new()
        {
            Positions = _positions.Upload(positions),
            Turns = _turns.View,
            Factor = factor,
            Angles = angles.Quads(positions.Length).Cast<float>(),
        };
        session.RunThreads(kernel, (long)positions.Length * frequencies.Length);
    }

    public void Dispose()
    {
        _positions.Dispose();
        _turns.Dispose();
    }
}
