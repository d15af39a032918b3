using FsCheck;
using FsCheck.Fluent;
using ILGPU;
using MoA.Gpu.Kernels;
using MoA.Gpu.Kernels.Gradients;
using MoA.Tests;

namespace MoA.Gpu.Tests.Gradients;

/// <summary>Gradients of norm, SwiGLU, rotary embedding and loss against central differences of their definitions in double.</summary>
public sealed class RowGradientTests
{
    [Fact]
    public void Gradient_of_the_norm()
    {
        Gen<(int Rows, int Columns, bool Accumulate, int Seed)> cases =
            from rows in Gen.Choose(1, 5)
            from columns in Gen.Choose(1, 300)
            from accumulate in Gen.Elements(false, true)
            from seed in Gen.Choose(0, int.MaxValue)
            select (rows, columns, accumulate, seed);
        Prop.ForAll(cases.ToArbitrary(), c => Check(c.Rows, c.Columns, c.Accumulate, c.Seed)).Holds(10);

        static void Check(int rows, int columns, bool accumulate, int seed)
        {
            const float Epsilon = 1e-3f;
            float[] x = Numbers.Random(seed, rows * columns, 2), dy = Numbers.Random(seed + 1, x.Length), w = Numbers.Random(seed + 2, columns);
            float[] before = Numbers.Random(seed + 3, x.Length);
            using Emulated device = new();
            // Without a sum the gradient replaces that of the output.
            ArrayView<Quad> outputs = device.Rows(dy, columns, 4), inputs = accumulate ? device.Rows(before, columns, 4) : outputs;
            RmsNormGradient kernel = new()
            {
                X = device.Rows(x, columns, 4),
                Weight = device.Rows(w, columns, 4),
                OutputGradient = outputs,
                InputGradient = inputs,
                Rows = rows,
                Columns = columns,
                Stride = (columns + 3) / 4,
                Epsilon = Epsilon,
                Accumulate = accumulate ? 1 : 0,
            };
            device.Session.RunWarps(kernel, rows);
            float[] actual = Emulated.Read(inputs, columns, 4);
            for (int row = 0; row < rows; row++)
            {
                double[] numbers = [.. x.Skip(row * columns).Take(columns)];
                for (int i = 0; i < columns; i++)
                {
                    double expected = Derivative(numbers[i], value =>
                    {
                        double square = (numbers.Sum(t => t * t) - numbers[i] * numbers[i] + value * value) / columns;
                        double r = 1 / Math.Sqrt(square + Epsilon);
                        return Enumerable.Range(0, columns).Sum(k => dy[row * columns + k] * w[k] * (k == i ? value : numbers[k]) * r);
                    });
                    Assert.Equal(expected + (accumulate ? before[row * columns + i] : 0), actual[row * columns + i], 2e-5);
                }
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(130)]
    public void Gradient_of_SwiGlu(int count)
    {
        float[] gate = Numbers.Random(count, count, 10), up = Numbers.Random(count + 1, count), dy = Numbers.Random(count + 2, count);
        using Emulated device = new();
        ArrayView<Quad> gates = device.Rows(gate, count), ups = device.Rows(up, count);
        device.Session.RunThreads(
            new SwiGluGradient { Gate = gates, Up = ups, OutputGradient = device.Rows(dy, count) }, gates.Length);
        float[] gateGradient = Emulated.Read(gates, count), upGradient = Emulated.Read(ups, count);
        for (int i = 0; i < count; i++)
        {
            double Value(double z, double u) => dy[i] * z / (1 + Math.Exp(-z)) * u;
            Assert.Equal(Derivative(gate[i], z => Value(z, up[i])), gateGradient[i], 1e-6 * 10);
            Assert.Equal(Derivative(up[i], u => Value(gate[i], u)), upGradient[i], 1e-6 * 10);
        }
    }

    /// <summary>Far from zero the slope is 0 or 1, and nothing overflows to NaN.</summary>
    [Fact]
    public void Gradient_of_SwiGlu_far_from_zero()
    {
        using Emulated device = new();
        ArrayView<Quad> gates = device.Rows([-200, 200, -80, 80], 4, 4), ups = device.Rows([2, 2, 2, 2], 4, 4);
        device.Session.RunThreads(
            new SwiGluGradient { Gate = gates, Up = ups, OutputGradient = device.Rows([3, 3, 3, 3], 4, 4) }, gates.Length);
        Numbers.AssertWithin([1e-30, 1e-5, 1e-30, 1e-5], Emulated.Read(gates, 4, 4), [0, 6, 0, 6]);
        Numbers.AssertWithin([1e-30, 1e-4, 1e-30, 1e-4], Emulated.Read(ups, 4, 4), [0, 600, 0, 240]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rope_turns_back(bool halves)
    {
        const int Rows = 3, Heads = 2, Size = 24;
        float[] x = Numbers.Random(1, Rows * Heads * Size);
        float[] angles = [.. Enumerable.Range(0, Rows).SelectMany(row => Enumerable.Range(0, Size)
            .Select(i => i < Size / 2 ? MathF.Cos(row + i) : MathF.Sin(row + i - Size / 2)))];
        using Emulated device = new();
        ArrayView<Quad> turned = device.Rows(x, Size), rowAngles = device.Rows(angles, Size);
        foreach (float sign in new[] { 1f, -1f })
        {
            if (halves)
                device.Session.RunThreads(Rotation<RopeHalves>(sign), Rows * Heads * Size / 8);
            else
                device.Session.RunThreads(Rotation<RopeAdjacent>(sign), Rows * Heads * Size / 8);
        }

        Numbers.AssertWithin([.. x.Select(_ => 1e-6)], Emulated.Read(turned, Size), [.. x.Select(value => (double)value)]);

        Rope<TPairs> Rotation<TPairs>(float sign)
            where TPairs : struct, IRopePairs => new()
            {
                X = turned,
                Angles = rowAngles,
                Rows = Rows,
                Heads = Heads,
                HeadSize = Size,
                Sign = sign,
            };
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(3, 37)]
    [InlineData(2, 2100)]
    public void Loss_and_gradient_of_the_cross_entropy(int rows, int vocabulary)
    {
        const float Weight = 0.25f;
        float[] logits = Numbers.Random(vocabulary, rows * vocabulary, 9);
        int[] targets = [.. Enumerable.Range(0, rows).Select(row => (vocabulary - 1) / (row + 1))];
        using Emulated device = new();
        ArrayView<Quad> gradient = device.Rows(logits, vocabulary);
        ArrayView<CrossEntropySums> sums = device.Copy(new CrossEntropySums[rows]);
        CrossEntropyGradient kernel = new()
        {
            Logits = gradient,
            Targets = device.Copy(targets),
            Sums = sums,
            Vocabulary = vocabulary,
            Weight = Weight,
        };
        device.Session.RunGroups(kernel, rows);
        float[] actual = Emulated.Read(gradient, vocabulary);
        CrossEntropySums[] found = Emulated.Read(sums);
        for (int row = 0; row < rows; row++)
        {
            double[] e = [.. logits.Skip(row * vocabulary).Take(vocabulary).Select(x => Math.Exp(x))];
            Assert.Equal(-Math.Log(e[targets[row]] / e.Sum()), found[row].Loss, 1e-6);
            for (int v = 0; v < vocabulary; v++)
                Assert.Equal(Weight * (e[v] / e.Sum() - (v == targets[row] ? 1 : 0)), actual[row * vocabulary + v], 1e-7);
        }
    }

    /// <summary>Logits that no exponential of a float could hold, and a target that has no weight.</summary>
    [Fact]
    public void The_largest_logits_do_not_overflow()
    {
        using Emulated device = new();
        ArrayView<Quad> gradient = device.Rows([3000, -3000, 2999, 0, 0], 5);
        ArrayView<CrossEntropySums> sums = device.Copy(new CrossEntropySums[1]);
        CrossEntropyGradient kernel = new()
        {
            Logits = gradient,
            Targets = device.Copy([1]),
            Sums = sums,
            Vocabulary = 5,
            Weight = 1,
        };
        device.Session.RunGroups(kernel, 1);
        double share = 1 / (1 + Math.Exp(-1));
        Numbers.AssertWithin([1e-6, 1e-6, 1e-6, 0, 0], Emulated.Read(gradient, 5), [share, -1, 1 - share, 0, 0]);
        Assert.Equal(6000 - Math.Log(share), Emulated.Read(sums)[0].Loss, 1e-6);
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(9, 70)]
    public void Rows_are_scattered(int rows, int columns)
    {
        float[] x = Numbers.Random(1, rows * columns), y = Numbers.Random(2, 2 * rows * columns);
        int[] to = [.. Enumerable.Range(0, rows).Select(row => 2 * (rows - 1 - row) + 1)];
        using Emulated device = new();
        ArrayView<Quad> target = device.Rows(y, columns);
        int quads = (int)(target.Length / (2 * rows));
        device.Session.RunThreads(
            new ScatterRows { X = device.Rows(x, columns), Rows = device.Copy(to), Y = target, RowQuads = quads }, rows * quads);
        for (int row = 0; row < rows; row++)
            x.AsSpan(row * columns, columns).CopyTo(y.AsSpan(to[row] * columns));
        Assert.Equal(y, Emulated.Read(target, columns));
    }

    [Theory]
    [InlineData(float.NaN, 1)]
    [InlineData(float.PositiveInfinity, 1)]
    [InlineData(float.NegativeInfinity, 1)]
    [InlineData(-float.MaxValue, 0)]
    public void One_number_that_is_not_finite_is_found_wherever_it_stands(float number, int expected)
    {
        const int Count = 4 * 32 * FindNotFinite.QuadsPerThread + 12;
        foreach (int at in new[] { 0, 1, 2, 3, Count / 2, Count - 1 })
        {
            float[] x = Numbers.Random(at, Count);
            x[at] = number;
            using Emulated device = new();
            ArrayView<Quad> quads = device.Rows(x, Count, 4);
            ArrayView<int> found = device.Copy([0]);
            FindNotFinite kernel = new() { X = quads, Found = found };
            device.Session.RunThreads(kernel, kernel.Threads);
            Assert.Equal(expected, Emulated.Read(found)[0]);
        }
    }

    private static double Derivative(double x, Func<double, double> function)
    {
        const double Step = 1e-5;
        return (function(x + Step) - function(x - Step)) / (2 * Step);
    }
}
