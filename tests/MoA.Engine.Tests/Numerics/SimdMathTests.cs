using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Numerics;

/// <summary>Functions against .NET's own in double precision.</summary>
public sealed class SimdMathTests
{
    public static IEnumerable<object?[]> Sets => Machine.InstructionSets;

    [Theory]
    [MemberData(nameof(Sets))]
    internal void Exp_is_within_two_units_in_the_last_place(InstructionSet set)
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
    internal void Exp_is_clamped_outside_its_range(InstructionSet set)
    {
        float infinity = float.PositiveInfinity;
        float[] y = Exp(set, [-88, -1000, float.MinValue, -infinity, 89, 1000, float.MaxValue, infinity]);
        for (int i = 0; i < 4; i++)
            Assert.InRange(y[i], 0, 2e-38f);
        for (int i = 4; i < 8; i++)
            Assert.InRange(y[i], 1.6e38f, float.MaxValue);
    }

    [Theory]
    [MemberData(nameof(Sets))]
    internal void Tanh_is_within_a_few_units_in_the_last_place_of_any_number(InstructionSet set)
    {
        Random random = new(2);
        float[] x = [.. Enumerable.Range(0, 40_000).Select(i => (float)((random.NextDouble() * 24 - 12) * Math.Pow(10, -(i % 8))))];
        (x[0], x[1], x[2], x[3], x[4], x[5]) = (0, -1e-30f, 1e-30f, 1e30f, float.NegativeInfinity, float.PositiveInfinity);
        float[] y = Run(set, x, exp: false);
        for (int i = 0; i < x.Length; i++)
            Assert.InRange(Math.Abs(y[i] - Math.Tanh(x[i])), 0, 4 * Math.ScaleB(1, -23) * Math.Abs(Math.Tanh(x[i])));
        Assert.True(float.IsNaN(Run(set, [float.NaN], exp: false)[0]));
    }

    private static float[] Exp(InstructionSet set, float[] x) => Run(set, x, exp: true);

    private static float[] Run(InstructionSet set, float[] x, bool exp)
    {
        OfAll action = new(x, exp);
        SimdDispatch.Run(set, action);
        return action.Y;
    }

    private sealed unsafe class OfAll(float[] x, bool exp) : ISimdAction
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
                    TVector vector = TSimd.Load(lane);
                    TSimd.Store(lane, exp ? SimdMath<TSimd, TVector>.Exp(vector) : SimdMath<TSimd, TVector>.Tanh(vector));
                    lanes.AsSpan(0, count).CopyTo(Y.AsSpan(i));
                }
            }
        }
    }
}
