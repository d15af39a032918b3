using ILGPU;
using ILGPU.Runtime;
using MoA.Engine.Kernels;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu;

/// <summary>Draws tokens on the device: of the logits nothing is copied.</summary>
internal sealed class DeviceSampling(DeviceSession session, DeviceMemory memory) : IDisposable
{
    private readonly DeviceList<SamplingRow> _rows = new(memory);
    private readonly DeviceScratch<int> _tokens = new(memory);

    /// <summary>Draws a token from each of the first rows; -1 where they are not finite.</summary>
    public void Draw(DeviceTensor logits, ReadOnlySpan<TokenDraw> draws, Span<int> tokens)
    {
        _rows.Clear();
        foreach (TokenDraw draw in draws)
        {
            _rows.Add(new SamplingRow
            {
                Sharpness = draw.Temperature == 0 ? 0 : (float)(1 / (Math.Log(2) * draw.Temperature)),
                TopK = draw.TopK,
                TopP = (float)draw.TopP,
                MinP = (float)draw.MinP,
                Point = draw.Point,
            });
        }

        _rows.Upload();
        ArrayView<int> drawn = _tokens.Room(draws.Length);
        session.RunGroups(
            new Sample { Logits = logits.Quads(draws.Length), Rows = _rows.View, Tokens = drawn, Vocabulary = logits.Columns }, draws.Length);
        drawn.CopyToCPU(tokens[..draws.Length]);
    }

    public void Dispose()
    {
        _rows.Dispose();
        _tokens.Dispose();
    }
}
