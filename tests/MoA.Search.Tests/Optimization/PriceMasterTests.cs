using MoA.Search.Optimization;

namespace MoA.Search.Tests.Optimization;

public sealed class PriceMasterTests
{
    [Fact]
    public void Mixture_and_price_of_two_choices_by_hand()
    {
        // Cost 0 at usage 1, cost 3 at usage 0, limit 0.25: a quarter of the first, and a price of 3 per unit.
        PriceMaster master = new([double.NegativeInfinity], [0.25], 1000);
        master.Add(Choice(0, 1));
        master.Add(Choice(3, 0));
        double[] prices = new double[1];
        master.Solve(prices);
        Assert.Equal(2.25, master.Value, 1e-12);
        Assert.Equal(3, prices[0], 1e-12);
        Assert.Equal(0.25, master.Mixture().Single(part => part.Choice.Cost == 0).Weight, 1e-12);
        Assert.Equal(0, master.Excess);
    }

    [Fact]
    public void A_floor_has_a_negative_price()
    {
        PriceMaster master = new([0.5], [double.PositiveInfinity], 1000);
        master.Add(Choice(0, 0));
        master.Add(Choice(4, 1));
        double[] prices = new double[1];
        master.Solve(prices);
        Assert.Equal(2, master.Value, 1e-12);
        Assert.Equal(-4, prices[0], 1e-12);
    }

    [Fact]
    public void An_excess_costs_the_penalty()
    {
        PriceMaster master = new([double.NegativeInfinity], [0.25], 10);
        master.Add(Choice(1, 0.75));
        double[] prices = new double[1];
        master.Solve(prices);
        Assert.Equal(0.5, master.Excess, 1e-12);
        Assert.Equal(6, master.Value, 1e-12);
        Assert.Equal(10, prices[0], 1e-12);
    }

    [Fact]
    public void Value_and_prices_agree_on_many_random_choices()
    {
        // Strong duality: the priced cost of every choice is at least value + priced limits, with equality in the mixture.
        Random random = new(5);
        for (int round = 0; round < 50; round++)
        {
            int rows = random.Next(1, 7);
            double[] lower = [.. Enumerable.Range(0, rows).Select(_ => 0.3 * random.NextDouble())];
            double[] upper = [.. Enumerable.Range(0, rows).Select(_ => 0.4 + 0.3 * random.NextDouble())];
            PriceMaster master = new(lower, upper, 100);
            double[] prices = new double[rows];
            for (int i = 0; i < 80; i++)
            {
                master.Add(Choice(random.NextDouble(), [.. Enumerable.Range(0, rows).Select(_ => random.NextDouble())]));
                master.Solve(prices);
                double target = master.Value;
                for (int row = 0; row < rows; row++)
                    target += prices[row] > 0 ? prices[row] * upper[row] : prices[row] * lower[row];
                Assert.Equal(target, master.Choices.Min(choice => Priced(choice, prices)), 1e-8 * Math.Max(1, Math.Abs(target)));
            }
        }
    }

    private static double Priced(PricedChoice choice, double[] prices) =>
        choice.Cost + choice.Usage.Zip(prices).Sum(pair => pair.First * pair.Second);

    private static PricedChoice Choice(double cost, params double[] usage)
    {
        PricedChoice choice = new(usage.Length, 0) { Cost = cost };
        usage.CopyTo(choice.Usage, 0);
        return choice;
    }
}
