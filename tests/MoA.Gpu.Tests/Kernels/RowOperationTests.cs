using FsCheck;
using FsCheck.Fluent;
using ILGPU;
using MoA.Gpu.Kernels;
using MoA.Tests;

namespace MoA.Gpu.Tests.Kernels;

/// <summary>Norm, rotary embedding, SwiGLU and addition, each against its formula in double precision.</summary>
public sealed class RowOperationTests
{
    private const double Error = 16 * Numbers.FloatError;

    [Fact]
    public void Rms_norm_follows_its_formula()
    {
        Gen<(int Rows, int Columns, int Seed)> cases =
            from rows in Gen.Choose(1, 7)
            from columns in Gen.Choose(1, 300)
            from seed in Gen.Choose(0, int.MaxValue)
            select (rows, columns, seed);
        Prop.ForAll(cases.ToArbitrary(), shape => Check(shape.Rows, shape.Columns, shape.Seed)).Holds(12);

        static void Check(int rows, int columns, int seed)
        {
            float[] x = Numbers.Random(seed, rows * columns, 3), weight = Numbers.Random(seed + 1, columns);
            using Emulated device = new();
            ArrayView<Quad> y = device.Rows(new float[x.Length], columns, 4);
            RmsNorm kernel = new()
            {
                X = device.Rows(x, columns, 4),
                Weight = device.Rows(weight, columns, 4),
                Y = y,
                Rows = rows,
                Columns = columns,
                Stride = (columns + 3) / 4,
                Epsilon = 1e-5f,
            };
            device.Session.RunWarps(kernel, rows);
            double[] expected = [.. x.Chunk(columns).SelectMany(row =>
            {
                double scale = 1 / Math.Sqrt(row.Average(value => (double)value * value) + 1e-5);
                return row.Select((value, i) => value * scale * weight[i]);
            })];
            double[] bounds = [.. expected.Select(value => Math.Abs(value) * (columns + 16) * Numbers.FloatError + 1e-30)];
            Numbers.AssertWithin(bounds, Emulated.Read(y, columns, 4), expected);
        }
    }

    [Fact]
    public void Angles_are_exact_far_into_a_sequence()
    {
        int[] positions = [0, 1, 63, 4095, 131071, 1048575];
        double[] frequencies = [.. Enumerable.Range(0, 5).Select(f => Math.Pow(10000, -f / 5.0))];
        using Emulated device = new();
        ArrayView<float> angles = device.Copy(new float[positions.Length * 10]);
        RopeAngles kernel = new()
        {
            Positions = device.Copy(positions),
            Turns = device.Copy(frequencies.Select(frequency => frequency / (2 * Math.PI)).ToArray()),
            Factor = 1,
            Angles = angles,
        };
        device.Session.RunThreads(kernel, positions.Length * 5);
        double[] expected = [.. positions.SelectMany(position => (double[])
        [
            .. frequencies.Select(frequency => Math.Cos(position * frequency)),
            .. frequencies.Select(frequency => Math.Sin(position * frequency)),
        ])];
        Numbers.AssertWithin([.. expected.Select(_ => 8 * Numbers.FloatError)], Emulated.Read(angles), expected);
    }

    [Fact]
    public void Rope_turns_pairs()
    {
        Gen<(int Rows, int Heads, int Eighths, bool Halves, int Seed)> cases =
            from rows in Gen.Choose(1, 5)
            from heads in Gen.Choose(1, 4)
            from eighths in Gen.Choose(1, 16)
            from halves in Gen.Elements(false, true)
            from seed in Gen.Choose(0, int.MaxValue)
            select (rows, heads, eighths, halves, seed);
        Prop.ForAll(cases.ToArbitrary(), c => Check(c.Rows, c.Heads, 8 * c.Eighths, c.Halves, c.Seed)).Holds(15);

        static void Check(int rows, int heads, int size, bool halves, int seed)
        {
            float[] x = Numbers.Random(seed, rows * heads * size), angles = Numbers.Random(seed + 1, rows * size);
            using Emulated device = new();
            ArrayView<Quad> turned = device.Rows(x, size);
            long threads = (long)rows * heads * size / 8;
            if (halves)
                device.Session.RunThreads(Rotation<RopeHalves>(), threads);
            else
                device.Session.RunThreads(Rotation<RopeAdjacent>(), threads);
            double[] expected = new double[x.Length];
            for (int head = 0; head < rows * heads; head++)
            {
                for (int f = 0; f < size / 2; f++)
                {
                    int i = head * size + (halves ? f : 2 * f), j = i + (halves ? size / 2 : 1), angle = head / heads * size + f;
                    double cosine = angles[angle], sine = angles[angle + size / 2];
                    expected[i] = x[i] * cosine - x[j] * sine;
                    expected[j] = x[i] * sine + x[j] * cosine;
                }
            }

            Numbers.AssertWithin([.. expected.Select(_ => 4 * Numbers.FloatError)], Emulated.Read(turned, size), expected);

            Rope<TPairs> Rotation<TPairs>()
                where TPairs : struct, IRopePairs => new()
                {
                    X = turned,
                    Angles = device.Rows(angles, size),
                    Rows = rows,
                    Heads = heads,
                    HeadSize = size,
                    Sign = 1,
                };
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(130)]
    public void SwiGlu_follows_its_formula(int count)
    {
        float[] gate = Numbers.Random(count, count, 40), up = Numbers.Random(count + 1, count);
        gate[0] = -200;
        using Emulated device = new();
        ArrayView<Quad> y = device.Rows(gate, count);
        device.Session.RunThreads(new SwiGlu { Gate = y, Up = device.Rows(up, count) }, y.Length);
        double[] expected = [.. gate.Select((z, i) => z / (1 + Math.Exp(-z)) * up[i])];
        Numbers.AssertWithin(
            [.. expected.Select(value => Math.Abs(value) * 4 * Error + 1e-30)], Emulated.Read(y, count), expected);
    }

    [Theory]
    [InlineData(3, 1, 5)]
    [InlineData(3, 3, 5)]
    [InlineData(9, 1, 136)]
    public void Rows_are_added_once_or_to_every_row(int rows, int added, int columns)
    {
        float[] y = Numbers.Random(rows, rows * columns), x = Numbers.Random(columns, added * columns);
        using Emulated device = new();
        ArrayView<Quad> sum = device.Rows(y, columns);
        device.Session.RunThreads(new AddRow { Y = sum, X = device.Rows(x, columns) }, sum.Length);
        Assert.Equal(y.Select((value, i) => value + x[i % x.Length]), Emulated.Read(sum, columns));
    }
}
