using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Numerics;

/// <summary>The exponential against .NET's own in double precision.</summary>
public sealed class SimdMathTests
{
    public static TheoryData<InstructionSet> Sets => Machine.InstructionSets;

    [Theory]
    [MemberData(nameof(Sets))]
    public void Exp_is_within_two_units_in_the_last_place(InstructionSet set)
    {
        Random random = new(1);
        float[] x = [.. Enumerable.Range(0, 40_000).Select(_ => (float)(random.NextDouble() * 175 - 87))];
        (x[0], x[1], x[2], x[3], x[4]) = (-87, 88, 0, -1e-30f, 1e-30f);
        float[] y = Exp(set, x);
        for (int i = 0; i < x.Length; i++)
        {
            double expected = Math.Exp(x[i]);
            Assert.InRange(Math.Abs(y[i] - expected) / expected, 0, 2 * Math.ScaleB(1, -23));
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Exp_is_clamped_outside_its_range(InstructionSet set)
    {
        float infinity = float.PositiveInfinity;
        float[] y = Exp(set, [-88, -1000, float.MinValue, -infinity, 89, 1000, float.MaxValue, infinity]);
        for (int i = 0; i < 4; i++)
            Assert.InRange(y[i], 0, 2e-38f);
        for (int i = 4; i < 8; i++)
            Assert.InRange(y[i], 1.6e38f, float.MaxValue);
    }

    private static float[] Exp(InstructionSet set, float[] x)
    {
        ExpOfAll action = new(x);
        SimdDispatch.Run(set, action);
        return action.Y;
    }

    private sealed unsafe class ExpOfAll(float[] x) : ISimdAction
    {
        public float[] Y { get; } = new float[x.Length];

        public void Run<TSimd, TVector>()
            where TSimd : ISimd<TVector>
            where TVector : struct
        {
            float[] lanes = new float[TSimd.Width];
            fixed (float* lane = lanes)
            {
                for (int i = 0; i < x.Length; i += lanes.Length)
                {
                    int count = Math.Min(lanes.Length, x.Length - i);
                    x.AsSpan(i, count).CopyTo(lanes);
                    TSimd.Store(lane, SimdMath<TSimd, TVector>.Exp(TSimd.Load(lane)));
                    lanes.AsSpan(0, count).CopyTo(Y.AsSpan(i));
                }
            }
        }
    }
}
